"""What stands behind one SSH listener: how clients log in there, and where they may get to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from twisted_hoop.identity.device import DeviceFlow
from twisted_hoop.identity.device_logins import DeviceLogins, issuer_for_devices
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.policy.destinations import destination_of
from twisted_hoop.services import Services
from twisted_hoop.settings import ListenerSection, Settings
from twisted_hoop.ssh.hall import SshHall
from twisted_hoop.ssh.opening import SshOpening
from twisted_hoop.ssh.server import Door, SshFactory
from twisted_hoop.ssh.ways import SshIdentity, Ways, ways_named
from twisted_hoop.transport.bindings import TcpBinding
from twisted_hoop.transport.names import server_binding

_ANYWHERE = ("", "0.0.0.0", "::", "127.0.0.1", "::1", "localhost")  # noqa: S104  compared with, not bound to


class SshListening:
    """Makes the factory of a listener. `settings` and `identity` are asked for anew: a reload changes them."""

    def __init__(
        self,
        reactor: Any,
        settings: Callable[[], Settings],
        services: Services[SshHall],
        named: Callable[[str, int], SshHall],
        identity: Callable[[], SshIdentity],
        authority: SshAuthority,
        secrets: ISecretStore,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._identity = identity
        self._authority = authority
        self._secrets = secrets
        self._opening = SshOpening(services, named, own_hosts(settings()))

    def factory(self, section: ListenerSection) -> SshFactory:
        """The factory of that listener."""
        device = DeviceLogins(
            lambda: issuer_for_devices(self._settings(), section.issuer),
            lambda issuer: DeviceFlow(issuer, self._reactor, self._secrets),
            self._identity,
        )

        def ways() -> Ways:
            settings = self._settings()
            return Ways(self._identity, ways_named(section, settings), settings.ssh.banner, device.begin)

        gateway = self._settings().gateway
        return SshFactory(self._reactor, Door(gateway, self._authority, ways, self._opening))


def own_hosts(settings: Settings) -> Callable[[str, int], bool]:
    """Whether a host and a port are the gateway itself, by the names that the configuration has for it (S11)."""
    hosts = {urlsplit(settings.gateway.url).hostname or ""}
    for listener in settings.listeners:
        hosts.add(listener.address.rpartition(":")[0])
        binding = server_binding(listener.endpoint)
        if isinstance(binding, TcpBinding):
            hosts.add(binding.interface)
    known = {destination_of(host, 0) for host in hosts if host not in _ANYWHERE}
    return lambda host, port: destination_of(host, 0) in known
