"""How clients get in: where to log in, and which targets are open to whom at which address. No secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from twisted_hoop.interfaces import IPolicy
from twisted_hoop.model import Effect, Principal, Target
from twisted_hoop.settings import ListenerSection, Settings, TargetSection
from twisted_hoop.transport.bindings import TcpBinding
from twisted_hoop.transport.names import server_binding
from twisted_hoop.web.calls import Call, Reply


class Ways:
    """Handlers. `settings` and `policy` are asked for anew each time: a reload changes them."""

    def __init__(self, settings: Callable[[], Settings], policy: Callable[[], IPolicy]) -> None:
        self._settings = settings
        self._policy = policy

    async def login(self, call: Call, principal: Principal | None) -> Reply:
        """GET /v1/login: the issuers with a client of this gateway, for log-ins by device code and in the browser.

        `saml` are the providers for those in the browser.
        """
        issuers = [
            {"name": each.name, "issuer": each.issuer, "client_id": each.client_id, "scope": each.scope}
            for each in self._settings().issuers
            if each.client_id
        ]
        settings = self._settings()
        home = f"{settings.gateway.url.rstrip('/')}/saml"
        saml = [
            {"name": each.name, "issuer": each.entity_id, "login": f"{home}/{each.name}/login"}
            for each in settings.saml
        ]
        return Reply({"issuers": issuers, "saml": saml if settings.console.enabled else []})

    async def targets(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/targets: those that open to the caller, with the addresses of the listeners that lead there."""
        settings = self._settings()
        return Reply(
            {"targets": [self._way(settings, each) for each in settings.targets if self._open(principal, each)]}
        )

    def _open(self, principal: Principal, section: TargetSection) -> bool:
        target = Target(section.name, section.protocol, section.endpoint, frozenset(section.groups))
        return self._policy().authorize(principal, target).effect is Effect.ALLOW

    def _way(self, settings: Settings, section: TargetSection) -> dict[str, Any]:
        spoken = "http" if section.protocol == "kubernetes" else section.protocol
        listeners = [each for each in settings.listeners if each.protocol == spoken]
        return {
            "name": section.name,
            "protocol": section.protocol,
            "login": section.login if section.protocol == "ssh" else "",
            "labels": dict(section.labels),
            "listeners": [address_of(settings, each) for each in listeners],
        }


def address_of(settings: Settings, listener: ListenerSection) -> dict[str, Any]:
    """`{host, port, tls, auth}` of a listener as clients reach it; for a unix socket, libpq's host and port."""
    host, colon, port = listener.address.rpartition(":")
    if not colon:
        host, port = _own(settings, listener)
    ways: list[str] = list(listener.auth)
    return {"host": host.strip("[]"), "port": int(port), "tls": bool(listener.certificate), "auth": ways}


def _own(settings: Settings, listener: ListenerSection) -> tuple[str, str]:
    binding = server_binding(listener.endpoint)
    if not isinstance(binding, TcpBinding):
        folder, _, name = listener.endpoint.split(":")[1].rpartition("/")
        number = name.rpartition(".")[2]  # .s.PGSQL.5432
        return folder, number if number.isdigit() else "0"
    everywhere = binding.interface in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not listened on
    host = (urlsplit(settings.gateway.url).hostname or "") if everywhere else binding.interface
    return host, str(binding.port)
