"""Who is told that something waits for them, and by which way."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from twisted_hoop.settings.base import Duration, Section

Event = Literal["requested", "voted", "granted", "denied", "expired", "withdrawn", "interrupted", "ended"]

_EVENTS: tuple[Event, ...] = ("requested", "granted", "denied", "expired")


class SlackUser(Section):
    """[[notify.users]]: somebody who may decide with the buttons of a Slack message (A9)."""

    id: str = Field(pattern=r"^[A-Z0-9]{2,32}$")
    """Slack's id of the user, `U0123ABCD`."""
    issuer: str
    """`iss` of their tokens: with the subject, the identity that votes."""
    subject: str
    """`sub` of their tokens."""
    name: str = ""
    """What people call them."""
    groups: list[str] = Field(default_factory=list)
    """Their groups, as no token is shown with a button."""


class NotifySection(Section):
    """[[notify]]: a channel that is told of requests for approval."""

    name: str
    """Stands in logs, metrics and the list of deliveries."""
    kind: Literal["webhook", "slack", "email"]
    """A signed POST, a Slack message with buttons, or an e-mail."""
    events: list[Event] = Field(default_factory=lambda: list(_EVENTS))
    """What is told: requested, voted (one of several approvals), or the state that was reached."""
    approvers: list[str] = Field(default_factory=list)
    """Patterns: only requests that one of these groups may decide; empty means all."""
    targets: list[str] = Field(default_factory=list)
    """Patterns: only requests for these targets; empty means all."""
    url: str = ""
    """webhook: where to; a secret reference when the URL is secret. slack: the incoming webhook, as a secret reference.
    """
    secret: str = ""
    """webhook: key of the HMAC-SHA256 signature. slack: the app's signing secret, for buttons. email: the password."""
    ca: str = ""
    """CA bundle for the server, when not the system's."""
    timeout: Duration = Field(default=10.0, ge=0.1, le=120.0)
    """For one attempt."""
    attempts: int = Field(default=8, ge=1, le=20)
    """How often it is tried, ever more slowly, before the delivery is given up."""
    users: list[SlackUser] = Field(default_factory=list)
    """slack: who may decide there."""
    server: str = ""
    """email: `host:port` of the SMTP server."""
    encryption: Literal["starttls", "tls", "none"] = "starttls"
    """email: `none` only for a server on this machine."""
    login: str = ""
    """email: user name at the server, if it wants one."""
    sender: str = ""
    """email: From."""
    to: list[str] = Field(default_factory=list)
    """email: To."""
