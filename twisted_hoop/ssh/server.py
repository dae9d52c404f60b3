"""The Twisted side of SSH clients: from accept to a handler that knows what to do, and who may wait at the door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from twisted.internet.protocol import Factory
from twisted.logger import Logger

from twisted_hoop.errors import UnknownTarget
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.model import Peer
from twisted_hoop.settings import GatewaySection
from twisted_hoop.ssh.auth import UserAuth
from twisted_hoop.ssh.hall import INNER_PACKET, SshHall
from twisted_hoop.ssh.handlers import ConnectionHandler
from twisted_hoop.ssh.host_keys import gateway_host_keys
from twisted_hoop.ssh.jump import JumpConnection, Misled
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.names import Wish, parse_login, parse_name
from twisted_hoop.ssh.opening import Arrival, SshOpening
from twisted_hoop.ssh.requests import shown
from twisted_hoop.ssh.transport import ServerTransport
from twisted_hoop.ssh.using import UsingTarget
from twisted_hoop.ssh.ways import Login, Ways


@dataclass(frozen=True, slots=True)
class Door:
    """What every connection of a listener is given. `ways` tells how clients may log in there now."""

    gateway: GatewaySection
    authority: SshAuthority
    ways: Callable[[], Ways]
    opening: SshOpening


class SshFactory(Factory):
    """Accepts SSH clients on one listener. Accepting waits for nobody (S7); the PROXY protocol is not spoken (S8)."""

    noisy = False
    log = Logger()

    def __init__(self, reactor: Any, door: Door, limits: Limits | None = None) -> None:
        self._reactor = reactor
        self._door = door
        self._limits = replace(limits or Limits(), grace=door.gateway.login_timeout)
        self._waiting: Counter[str] = Counter()

    def buildProtocol(self, addr: Any) -> ServerTransport | None:
        """A protocol for a new client; None when too many wait at the door already (S7)."""
        host = getattr(addr, "host", "local")
        gateway = self._door.gateway
        if self._waiting.total() >= gateway.preauth_connections:
            self.log.debug("too many connections wait to authenticate", peer=host)
            return None
        if self._waiting[host] >= gateway.preauth_per_address:
            self.log.debug("too many connections of one address wait to authenticate", peer=host)
            return None
        self._waiting[host] += 1
        return self._outer(Peer(host, getattr(addr, "port", 0), True), self._once(host))

    def _once(self, host: str) -> Callable[[], None]:
        """Called when a client authenticated or gave up, whichever comes first, or both."""
        left = False

        def leave() -> None:
            nonlocal left
            if not left:
                left = True
                self._waiting[host] -= 1
                if self._waiting[host] <= 0:
                    del self._waiting[host]

        return leave

    def _outer(self, peer: Peer, leave: Callable[[], None]) -> ServerTransport:
        door = self._door

        def connected(login: Login) -> ConnectionHandler:
            leave()
            return self._handler(transport, login)

        transport = ServerTransport(
            self._reactor,
            gateway_host_keys(door.authority),
            lambda _: UserAuth(door.ways(), peer),
            connected,
            self._limits,
            lambda reason: leave(),
        )
        return transport

    def _handler(self, transport: ServerTransport, login: Login) -> ConnectionHandler:
        """What a user name on our own port asks for (S20)."""
        try:
            wish = parse_name(login.user)
        except UnknownTarget as error:
            self.log.info("a user name asks for nothing: {why}", why=str(error), peer=login.peer.address)
            return Misled(f"hoop: {error}")
        if wish.target:
            return self._using(transport, login, wish, wish.target)
        around = (transport.transport.getPeer(), transport.transport.getHost())
        return JumpConnection(self._reactor, self._door.opening, login, around, self._inner)

    def _using(self, transport: ServerTransport, login: Login, wish: Wish, host: str) -> UsingTarget:
        client = shown(transport.otherVersionString)[:128]
        arrival = Arrival(login.principal, login.peer, wish.target, wish.login, host, client)
        return UsingTarget(self._door.opening, arrival)

    # -- behind a jump --------------------------------------------------------------------------------------------

    def _inner(self, jump: JumpConnection, hall: SshHall, host: str) -> ServerTransport:
        """The server inside a jump: it proves to be the host that was typed, and takes the outer login for its own."""
        door = self._door
        outer = jump.login
        assert outer is not None
        ways = replace(door.ways(), banner="", device=None, outer=lambda: jump.login)

        def connected(login: Login) -> ConnectionHandler:
            try:
                wish = Wish(parse_login(login.user), hall.section.name)
            except UnknownTarget as error:
                return Misled(f"hoop: {error}")
            return self._using(transport, login, wish, host)

        transport = ServerTransport(
            self._reactor,
            gateway_host_keys(door.authority, host),
            lambda _: UserAuth(ways, outer.peer),
            connected,
            replace(self._limits, packet=INNER_PACKET),
            jump.inner_ended,
        )
        return transport
