"""Connections to one target: those that are idle, and new ones. Each carries one request at a time (K8)."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, connectionDone
from twisted.internet.protocol import Protocol as BaseProtocol
from twisted.python.failure import Failure

from twisted_hoop.errors import HoopError, ProtocolError
from twisted_hoop.http.credentials import Credentials
from twisted_hoop.settings import TargetSection
from twisted_hoop.transport.connect import TcpPlace
from twisted_hoop.transport.names import client_place

IDLE_SECONDS = 55.0
"""An idle connection is let go of after that: sooner than most servers do."""
MOST_IDLE = 64
"""Idle connections to one target."""


class User(Protocol):
    """Who has a connection now."""

    def received(self, data: bytes) -> None:
        """Bytes of the target."""

    def lost(self) -> None:
        """It closed."""

    def full(self) -> None:
        """The target takes no more for now."""

    def drained(self) -> None:
        """It does again."""


class TargetConnection(BaseProtocol):
    """One connection; what comes goes to its `user`. Bytes that nobody asked for end it (K8)."""

    transport: Any

    def __init__(self, pool: Pool) -> None:
        self.user: User | None = None
        self.used = 0
        self.since = 0.0
        self.closed = False
        self._pool = pool

    def connectionMade(self) -> None:
        """Twisted's."""
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        """Twisted's."""
        if self.user is not None:
            self.user.received(data)
        else:
            self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted's."""
        self.closed = True
        user, self.user = self.user, None
        if user is not None:
            user.lost()
        else:
            self._pool.forget(self)

    def abort(self) -> None:
        """Close at once."""
        self.closed = True
        self.user = None
        self._pool.forget(self)
        self.transport.abortConnection()

    def pauseProducing(self) -> None:
        """IPushProducer: the target takes no more for now."""
        if self.user is not None:
            self.user.full()

    def resumeProducing(self) -> None:
        """IPushProducer: it does again."""
        if self.user is not None:
            self.user.drained()

    def stopProducing(self) -> None:
        """IPushProducer: the connection is gone, which is told elsewhere."""


class _Quiet(Factory):
    """A factory for one connection, of which the log need not tell."""

    noisy = False


class Pool:
    """See the module. `context` makes the TLS context, None for plain connections."""

    def __init__(
        self,
        reactor: Any,
        section: TargetSection,
        endpoint: IStreamClientEndpoint,
        context: Callable[[], ssl.SSLContext] | None,
        credentials: Credentials,
    ) -> None:
        self.credentials = credentials
        self._reactor = reactor
        self._section = section
        self._endpoint = endpoint
        self._context = context
        self._hostname = section.server_name or host_of(section.endpoint)
        self._idle: deque[TargetConnection] = deque()
        self._sweeper: Any = None
        self._closed = False

    @property
    def idle(self) -> int:
        """How many connections wait for a request."""
        return len(self._idle)

    def take(self) -> TargetConnection | None:
        """An idle connection, the one used last; None when there is none."""
        while self._idle:
            found = self._idle.pop()
            if not found.closed:
                return found
        return None

    def put(self, connection: TargetConnection) -> None:
        """A connection that may carry another request."""
        connection.user = None
        if connection.closed:
            return
        if self._closed or len(self._idle) >= MOST_IDLE:
            connection.abort()
            return
        connection.since = self._reactor.seconds()
        self._idle.append(connection)
        if self._sweeper is None:
            self._sweeper = self._reactor.callLater(IDLE_SECONDS, self._sweep)

    def forget(self, connection: TargetConnection) -> None:
        """It closed while it was idle."""
        if connection in self._idle:
            self._idle.remove(connection)

    def close(self) -> None:
        """The target is offered no more, or in another way."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in list(self._idle):
            connection.abort()

    def _sweep(self) -> None:
        self._sweeper = None
        until = self._reactor.seconds() - IDLE_SECONDS
        while self._idle and self._idle[0].since <= until:
            self._idle[0].abort()
        if self._idle:
            wait = max(self._idle[0].since - until, 0.1)
            self._sweeper = self._reactor.callLater(wait, self._sweep)

    async def open(self) -> TargetConnection:
        """A new connection, TLS and all, within `connect_timeout`; ProtocolError (side "target") with a status."""
        work = Deferred.fromCoroutine(self._open())
        work.addTimeout(self._section.connect_timeout, self._reactor)
        try:
            return await work
        except (defer.TimeoutError, CancelledError):
            raise ProtocolError("the target did not answer in time", "target", "504") from None
        except HoopError as error:
            raise ProtocolError(str(error), "target", "502") from error
        except Exception as error:
            why = str(error) or type(error).__name__
            raise ProtocolError(f"the target cannot be reached: {why}", "target", "502") from error

    async def _open(self) -> TargetConnection:
        connection = TargetConnection(self)
        await self._endpoint.connect(_Quiet.forProtocol(lambda: connection))
        if self._context is not None:
            try:
                connection.transport.start_tls(self._context(), False, self._hostname)
                await connection.transport.handshake()
            except BaseException:
                connection.abort()
                raise
        return connection


def host_of(endpoint: str) -> str:
    """The host of an endpoint, "localhost" for a unix socket."""
    place = client_place(endpoint)
    return place.where.host if place is not None and isinstance(place.where, TcpPlace) else "localhost"


def host_header(section: TargetSection) -> bytes:
    """What the target is told as Host: the name of its certificate, or of the endpoint with its port."""
    place = client_place(section.endpoint)
    if place is None or not isinstance(place.where, TcpPlace):
        return (section.server_name or "localhost").encode()
    host, port = section.server_name or place.where.host, place.where.port
    name = f"[{host}]" if ":" in host else host
    usual = 80 if section.tls == "disable" else 443
    return (name if port == usual else f"{name}:{port}").encode()
