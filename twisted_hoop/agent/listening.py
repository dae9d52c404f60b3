"""What stands behind a listener of protocol `agent`: who may wait at the door, and the SSH server for agents."""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet.protocol import Factory
from twisted.logger import Logger

from twisted_hoop.agent.doorstep import Doorstep
from twisted_hoop.agent.hub import Hub
from twisted_hoop.agent.known import CERTIFIED
from twisted_hoop.agent.link import Link, Pulse
from twisted_hoop.agent.logging_in import AgentLogin
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.interfaces import IAgentDoor
from twisted_hoop.model import AgentIdentity, Peer
from twisted_hoop.settings import GatewaySection, ListenerSection
from twisted_hoop.ssh.handlers import ConnectionHandler
from twisted_hoop.ssh.host_keys import gateway_host_keys
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.transport import ServerTransport

LIMITS = Limits(channels=1, requests=16, packet=64 * 1024, window=1 << 20, unsent=1 << 22)
"""Agents open nothing; large packets, as their streams are of bulk."""

REPLICAS = replace(LIMITS, channels=1 << 16)
"""Other replicas open a channel for each stream of theirs by an agent that is connected here."""

ForOthers = Callable[[AgentIdentity, ServerTransport, Peer], "ConnectionHandler | None"]
"""A handler for those that log in here and are no agents: other replicas. None: an agent."""


class AgentListening:
    """Makes the factory of a listener."""

    def __init__(
        self, reactor: Any, gateway: GatewaySection, door: IAgentDoor, hub: Hub, authority: SshAuthority, pulse: Pulse
    ) -> None:
        self.for_others: ForOthers | None = None
        self._reactor = reactor
        self._gateway = gateway
        self._door = door
        self._hub = hub
        self._authority = authority
        self._pulse = pulse

    def factory(self, section: ListenerSection, context: Callable[[], ssl.SSLContext] | None) -> AgentFactory:
        """The factory of that listener; TLS from the first byte where there is a context."""
        return AgentFactory(self._reactor, self._gateway, context, self._server)

    def _server(self, peer: Peer, done: Callable[[], None]) -> ServerTransport:
        def connected(identity: AgentIdentity) -> ConnectionHandler:
            done()
            return self._handler(identity, transport, peer)

        transport = ServerTransport(
            self._reactor,
            gateway_host_keys(self._authority, CERTIFIED),
            lambda _: AgentLogin(self._door, peer),
            connected,
            replace(LIMITS, grace=self._gateway.login_timeout),
        )
        return transport

    def _handler(self, identity: AgentIdentity, transport: ServerTransport, peer: Peer) -> ConnectionHandler:
        other = self.for_others(identity, transport, peer) if self.for_others is not None else None
        if other is not None:
            transport.limits = REPLICAS
            return other
        keys = (self._authority.host_key.public.line, self._authority.host_ca.line)
        return Link(self._reactor, self._door, self._hub, identity, peer, transport, keys, self._pulse)


class AgentFactory(Factory):
    """Accepts agents on one listener. Accepting waits for nobody (S7); the PROXY protocol is not spoken (S8)."""

    noisy = False
    log = Logger()

    def __init__(
        self,
        reactor: Any,
        gateway: GatewaySection,
        context: Callable[[], ssl.SSLContext] | None,
        server: Callable[[Peer, Callable[[], None]], ServerTransport],
    ) -> None:
        self._reactor = reactor
        self._gateway = gateway
        self._context = context
        self._server = server
        self._waiting: Counter[str] = Counter()

    def buildProtocol(self, addr: Any) -> Doorstep | None:
        """A protocol for a new connection; None when too many wait at the door already (S7)."""
        host = getattr(addr, "host", "local")
        gateway = self._gateway
        if self._waiting.total() >= gateway.preauth_connections or self._waiting[host] >= gateway.preauth_per_address:
            self.log.warn("too many connections wait to authenticate as agents", peer=host)
            return None
        self._waiting[host] += 1
        leave = _Once(lambda: self._leave(host))
        peer = Peer(host, getattr(addr, "port", 0), self._context is not None)
        return Doorstep(self._reactor, self._context, lambda: self._server(peer, leave), leave, gateway.login_timeout)

    def _leave(self, host: str) -> None:
        self._waiting[host] -= 1
        if self._waiting[host] <= 0:
            del self._waiting[host]


class _Once:
    """A call that is made once: whoever authenticated, or gave up, waits no more."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def __call__(self) -> None:
        call, self._call = self._call, None
        if call is not None:
            call()
