"""The console: where its people log in, and for how long."""

from __future__ import annotations

from pydantic import Field

from twisted_hoop.settings.base import Duration, Section


class ConsoleSection(Section):
    """[console]: the web pages of every `api` listener, for people."""

    enabled: bool = True
    """Whether there is one. It needs an issuer with a `client_id` to log in at, whose redirect URI is
    `[gateway] url` followed by `/login/callback`."""
    issuer: str = ""
    """Name of that issuer; empty: the first with a `client_id`."""
    lifetime: Duration = Field(default=28800.0, ge=60.0)
    """Longest time between two log-ins. A session of the console ends sooner with the token it stands on."""
    idle: Duration = Field(default=3600.0, ge=60.0)
    """A session of the console that asks for nothing for this long ends."""
