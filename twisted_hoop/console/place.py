"""Where the console is and whom it asks who somebody is, by the settings in force: a reload changes both."""

from __future__ import annotations

import urllib.parse
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from twisted_hoop.console.openid import OpenId
from twisted_hoop.identity.fetch import Fetcher
from twisted_hoop.settings import ConsoleSection, IssuerSection, SamlSection, Settings
from twisted_hoop.web.problems import Problem

_PORTS = {"http": 80, "https": 443}


class Place:
    """See the module. `settings` gives those in force; `secret` resolves a reference to a client's secret."""

    def __init__(self, settings: Callable[[], Settings], reactor: Any, secret: Callable[[str], Awaitable[str]]) -> None:
        self._settings = settings
        self._reactor = reactor
        self._secret = secret
        self._openid: OpenId | None = None

    @property
    def terms(self) -> ConsoleSection:
        """How long visits last, and where people log in."""
        return self._settings().console

    @property
    def url(self) -> str:
        """The console's address without a slash at its end."""
        return self._settings().gateway.url.rstrip("/")

    @property
    def name(self) -> str:
        """What this gateway is called."""
        return self._settings().gateway.name

    @property
    def origin(self) -> str:
        """Scheme, host and port as browsers write them (RFC 6454 section 6.2): a usual port is left out."""
        parts = urllib.parse.urlsplit(self.url)
        return f"{parts.scheme}://{_host(parts.scheme, parts.hostname or '', parts.port)}"

    @property
    def secure(self) -> bool:
        """Whether browsers come over TLS."""
        return self.url.startswith("https:")

    @property
    def redirect(self) -> str:
        """Where the issuer sends people back to."""
        return f"{self.url}/login/callback"

    def is_here(self, host: str) -> bool:
        """Whether a Host header is ours. Another name's cookies would be another's, and no log-in could end there."""
        return f"{urllib.parse.urlsplit(self.url).scheme}://{host.lower()}" == self.origin

    def issuer(self) -> IssuerSection | None:
        """The OpenID issuer people log in at; None when there is no console, or they log in by SAML alone."""
        settings = self._settings()
        if not settings.console.enabled:
            return None
        wanted = settings.console.issuer
        return next((one for one in settings.issuers if one.client_id and wanted in ("", one.name)), None)

    def saml(self) -> Sequence[SamlSection]:
        """The SAML providers people log in at."""
        settings = self._settings()
        return settings.saml if settings.console.enabled else ()

    def is_open(self) -> bool:
        """Whether there is a console, which is to say, anywhere to log in at."""
        return self.issuer() is not None or bool(self.saml())

    def openid(self) -> OpenId:
        """The issuer's log-in, or a Problem when there is none."""
        found = self.maybe_openid()
        if found is None:
            raise Problem(404, "this gateway has no log-in by OpenID")
        return found

    def maybe_openid(self) -> OpenId | None:
        """The issuer's log-in, if there is one."""
        section = self.issuer()
        if section is None:
            return None
        if self._openid is None or self._openid.section != section:
            self._openid = OpenId(section, Fetcher(self._reactor, section.ca), self._secret)
        return self._openid


def _host(scheme: str, host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host.lower()
    return name if port in (None, _PORTS.get(scheme)) else f"{name}:{port}"
