"""Where clients connect: one port a configured listener, each with its protocol's factory."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.protocols.policies import WrappingFactory

from twisted_hoop.agent.listening import AgentListening
from twisted_hoop.console.front import Front
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.http.listening import HttpListening
from twisted_hoop.identity.provider import IdentityProvider, ScramLogin
from twisted_hoop.identity.scram_keys import EndPoint
from twisted_hoop.model import Peer
from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.postgres.authentication import chooser
from twisted_hoop.postgres.hall import Hall
from twisted_hoop.postgres.opening import Opening
from twisted_hoop.postgres.server import ALPN, PostgresFactory
from twisted_hoop.services import Services
from twisted_hoop.settings import ListenerSection, Settings
from twisted_hoop.ssh.listener import SshListening
from twisted_hoop.transport import ReloadingContext, server_context, server_endpoint
from twisted_hoop.turning_away import Guard
from twisted_hoop.web.dispatch import Dispatcher
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.site import Answering, site_of


class Listeners:
    """See the module. `identity` is asked for anew: a reload changes it.

    `cancel` takes cancel requests of PostgreSQL's clients. `endpoint` makes the one to listen at; what the section says
    when left out.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        services: Services[Hall],
        identity: Callable[[], IdentityProvider],
        parts: Parts,
        console: Answering | None = None,
        ssh: SshListening | None = None,
        http: HttpListening | None = None,
        cancel: Callable[[int, bytes], bool] | None = None,
        endpoint: Callable[[ListenerSection], IStreamServerEndpoint] | None = None,
        agents: AgentListening | None = None,
    ) -> None:
        self._reactor = reactor
        self._settings = settings
        self._services = services
        self._identity = identity
        self._parts = parts
        self._console = console
        self._ssh = ssh
        self._http = http
        self._agents = agents
        self._cancel = cancel or services.sessions.cancel
        self._endpoint = endpoint or (lambda section: server_endpoint(reactor, section.endpoint))
        self._guard = Guard(reactor, settings.gateway, services.sessions)
        self._contexts: dict[str, ReloadingContext] = {}
        self._ports: list[tuple[ListenerSection, IListeningPort]] = []

    async def start(self) -> None:
        """Listen everywhere, or raise ConfigurationError naming the listener that cannot."""
        self._guard.start()
        for section in self._settings.listeners:
            try:
                port = await self._endpoint(section).listen(self._guarded(section))
            except Exception as error:
                raise ConfigurationError([f"listeners: {section.name}: cannot listen: {error}"]) from error
            self._ports.append((section, port))

    def describe(self) -> list[str]:
        """`name protocol address` of each."""
        return [f"{section.name} {section.protocol} {port.getHost()}" for section, port in self._ports]

    async def stop(self, all_but: str = "") -> None:
        """Accept nobody any more; but at listeners of that protocol, for now."""
        stopping = [port for section, port in self._ports if section.protocol != all_but]
        self._ports = [(section, port) for section, port in self._ports if section.protocol == all_but]
        if not self._ports:
            self._guard.stop()
        for port in stopping:
            await maybeDeferred(port.stopListening)

    def _guarded(self, section: ListenerSection) -> Any:
        """Its factory, behind the limits of load."""
        factory = self._factory(section)
        return self._guard.guarded(section.name, section.protocol, factory, self._contexts.get(section.name))

    def _factory(self, section: ListenerSection) -> Any:
        if section.protocol == "api":
            return self._api(section)
        if section.protocol == "ssh":
            if self._ssh is None:
                raise ConfigurationError([f"listeners: {section.name}: SSH is not to be had here"])
            return self._ssh.factory(section)
        if section.protocol == "http":
            if self._http is None:
                raise ConfigurationError([f"listeners: {section.name}: HTTP is not to be had here"])
            return self._http.factory(section, self._context(section, ("http/1.1",)))
        if section.protocol == "agent":
            if self._agents is None:
                raise ConfigurationError([f"listeners: {section.name}: agents are not to be had here"])
            return self._agents.factory(section, self._context(section, ("http/1.1",)))
        return self._postgres(section)

    def _postgres(self, section: ListenerSection) -> PostgresFactory:
        ways: list[str] = list(section.auth) or ["token"]
        binding = EndPoint(section.certificate) if section.certificate else None

        def scram(user: str, peer: Peer) -> ScramLogin | None:
            provider = self._identity()
            only = ways == ["scram"]
            if not (only or provider.has_scram(user)):
                return None
            return provider.scram(user, peer, binding() if binding is not None and peer.encrypted else None)

        def authentication(parameters: dict[str, str], peer: Peer) -> Any:
            choose = chooser(self._identity(), scram, ways, self._discovery(section))
            return choose(parameters, peer)

        context = self._context(section, (ALPN,))
        opening = Opening(self._services)
        return PostgresFactory(
            self._reactor,
            self._settings.gateway,
            section,
            context,
            opening,
            authentication,
            self._cancel,
        )

    def _context(self, section: ListenerSection, alpn: tuple[str, ...]) -> Callable[[], ssl.SSLContext] | None:
        if not section.certificate:
            return None
        self._contexts[section.name] = found = ReloadingContext(
            lambda: server_context(section.certificate, section.key, alpn),
            section.certificate,
            section.key,
            name=f"listener {section.name}",
            certificate=section.certificate,
        )
        return found

    def watched(self, metrics: Metrics) -> None:
        """Have the ends of certificates told, and who was refused."""
        ends = "When the certificate in use ends, POSIX."
        metrics.watch_table("hoop_certificate_not_after", ends, ("listener",), self.certificates)
        guard, kinds = self._guard, ("listener", "reason")
        text = "New connections that were refused."
        metrics.watch_table("hoop_connections_refused", text, kinds, lambda: guard.refused, counts=True)
        metrics.watch("hoop_shedding", "Whether everybody is refused now.", lambda: bool(guard.shedder.why))
        metrics.watch("hoop_reactor_lag_seconds", "How late the loop was last.", lambda: guard.shedder.lag)

    def certificates(self) -> dict[tuple[str, ...], float]:
        """When the certificate in use of each listener ends, POSIX, by its name. Files that changed are read first."""
        for context in self._contexts.values():
            context()
        return {(name,): context.not_after for name, context in self._contexts.items()}

    def _discovery(self, section: ListenerSection) -> tuple[str, str]:
        issuers = self._settings.issuers
        wanted = next((i for i in issuers if i.name == section.issuer), issuers[0] if issuers else None)
        return (wanted.issuer, wanted.scope) if wanted is not None else ("", "")

    def _api(self, section: ListenerSection) -> Any:
        context = self._context(section, ("http/1.1",))
        api = Dispatcher(self._parts, self._reactor)
        answering = api if self._console is None else Front(api, self._console)
        site = site_of(answering, self._reactor, encrypted=context is not None)
        return site if context is None else _TlsFactory(site, context)


class _TlsFactory(WrappingFactory):
    """Starts TLS before the first byte for protocols that know nothing of it."""

    noisy = False

    def __init__(self, wrapped: Any, context: Callable[[], ssl.SSLContext]) -> None:
        super().__init__(wrapped)  # type: ignore[no-untyped-call]
        self._context = context

    def buildProtocol(self, addr: Any) -> Any:
        """The wrapped factory's own protocol, told of TLS before it is told of the connection."""
        protocol = self.wrappedFactory.buildProtocol(addr)
        if protocol is not None:
            protocol.firstByte = lambda byte: self._context()
        return protocol
