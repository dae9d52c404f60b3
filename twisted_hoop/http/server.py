"""The Twisted side of HTTP clients: who may wait at the door, deadlines of every phase, one factory a listener.

One connection's requests are in `connection.py`.
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_hoop.errors import UnknownTarget
from twisted_hoop.http.connection import Door, HttpConnection
from twisted_hoop.http.hall import HttpHall
from twisted_hoop.http.joining import Joining
from twisted_hoop.interfaces import IIdentityProvider
from twisted_hoop.settings import GatewaySection, ListenerSection

DEADLINES = {
    "head": 30.0,
    "idle": 300.0,
    "body": 60.0,
    "login": 60.0,
    "answer": 600.0,
    "stalled": 120.0,
    "closing": 2.0,
}
"""Phase → seconds without progress after which a connection is let go of (K15). A head makes no progress until it is
whole. Not here: a request that waits for people, and an answer that streams and is taken."""


class HttpFactory(Factory):
    """Accepts clients on one listener. `hall` finds a target by its name, `named` by a host; `context` makes TLS's."""

    noisy = False
    log = Logger()

    def __init__(
        self,
        reactor: Any,
        gateway: GatewaySection,
        listener: ListenerSection,
        context: Callable[[], ssl.SSLContext] | None,
        joining: Joining,
        named: Callable[[str], HttpHall | None],
        identity: Callable[[], IIdentityProvider],
    ) -> None:
        self._reactor = reactor
        self._gateway = gateway
        clear = listener.tls == "optional" or context is None
        self._door = Door(reactor, context, clear, joining, self.find, named, identity, self.left_the_door, self.gone)
        self._joining = joining
        self._waiting: Counter[str] = Counter()
        self._connections: dict[HttpConnection, tuple[object, float]] = {}
        self._sweeper = LoopingCall(self.sweep)
        self._sweeper.clock = reactor

    def find(self, name: str) -> HttpHall | None:
        """The target of that name."""
        try:
            return self._joining.services.hall(name)
        except UnknownTarget:
            return None

    def startFactory(self) -> None:
        """Twisted's."""
        self._sweeper.start(1.0, now=False).addErrback(lambda f: self.log.failure("no deadlines any more", failure=f))

    def stopFactory(self) -> None:
        """Twisted's."""
        if self._sweeper.running:
            self._sweeper.stop()

    def buildProtocol(self, addr: Any) -> Protocol | None:
        """A protocol for a new client; None when too many have not shown a valid token yet (K9)."""
        host = getattr(addr, "host", "local")
        full = self._waiting.total() >= self._gateway.preauth_connections
        if full or self._waiting[host] >= self._gateway.preauth_per_address:
            self.log.debug("too many connections wait to authenticate", peer=host)
            return None
        self._waiting[host] += 1
        connection = HttpConnection(self._door, host)
        self._connections[connection] = (None, self._reactor.seconds())
        return connection

    def left_the_door(self, host: str) -> None:
        """A client showed a valid token, or gave up."""
        self._waiting[host] -= 1
        if self._waiting[host] <= 0:
            del self._waiting[host]

    def gone(self, connection: HttpConnection) -> None:
        """A connection is closed."""
        self._connections.pop(connection, None)

    def sweep(self) -> None:
        """Let go of connections that have stood still for too long."""
        now = self._reactor.seconds()
        for connection, (seen, since) in list(self._connections.items()):
            phase, state = connection.standing()
            if (phase, state) != seen:
                self._connections[connection] = ((phase, state), now)
            elif now - since >= self._deadline(phase):
                connection.too_late(phase)

    def _deadline(self, phase: str) -> float:
        if phase == "login":
            return self._gateway.login_timeout
        return DEADLINES.get(phase, float("inf"))
