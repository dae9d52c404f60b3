"""The target's end of one exchange: a connection of the pool, taken when the request is to leave and not before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_hoop.errors import HoopError, ProtocolError
from twisted_hoop.http.exchange import Exchange, status_of
from twisted_hoop.http.pool import Pool, TargetConnection
from twisted_hoop.http.writing import RequestStart
from twisted_hoop.steps import Side, Step

MOST_WAITING = 64 * 1024
"""Bytes kept while the connection is being made before the client is not read any more."""


class Carrier(Protocol):
    """What of a Bridge is told."""

    def target_received(self, data: Any) -> None:
        """Bytes of the target."""

    def lost(self, side: Side) -> None:
        """One side is gone."""

    def carry(self, produce: Callable[[], list[Step]]) -> None:
        """Something only the protocol knows of."""


class TargetEnd:
    """As a transport to the Bridge; see the module. `moved` is told whenever bytes pass."""

    log: ClassVar[Logger] = Logger()

    def __init__(self, pool: Pool, exchange: Exchange, moved: Callable[[], None]) -> None:
        self.bridge: Carrier | None = None
        self._pool = pool
        self._exchange = exchange
        self._moved = moved
        self._connection: TargetConnection | None = None
        self._start: RequestStart | None = None
        self._waiting: list[bytes] = []
        self._size = 0
        self._client: Any = None
        self._paused = self._held = self._closed = False
        self._opening: Deferred[None] | None = None

    # -- what the bridge does -------------------------------------------------------------------------------------

    def write(self, data: RequestStart | bytes) -> None:
        """The request's start, then its body; later what a tunnel sends."""
        if isinstance(data, RequestStart):
            self._start = data
            self._begin(data)
        elif self._connection is not None:
            self._connection.transport.write(data)
        elif not self._closed:
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        self._waiting.append(data)
        self._size += len(data)
        if self._size > MOST_WAITING:
            self.full()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Who is slowed down when the target takes no more: the client."""
        self._client = producer

    def unregisterProducer(self) -> None:
        """It is not slowed down any more."""
        self.drained()
        self._client = None

    def pauseProducing(self) -> None:
        """The client takes no more: the target is not read."""
        self._paused = True
        if self._connection is not None:
            self._connection.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """It does again."""
        self._paused = False
        if self._connection is not None:
            self._connection.transport.resumeProducing()

    def loseConnection(self) -> None:
        """The exchange is over: the connection goes back to the pool, or ends with it."""
        if self._closed:
            return
        self._closed = True
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._exchange.turned_away:
            self._pool.credentials.doubt()
        if self._exchange.tunnelled and not connection.closed:
            connection.user = None
            connection.transport.unregisterProducer()
            connection.transport.loseConnection()
        else:
            self._give_back(connection, self._exchange.reusable)

    def _give_back(self, connection: TargetConnection, reusable: bool) -> None:
        """To the pool, if it may carry another request."""
        if reusable:
            if self._paused:
                connection.transport.resumeProducing()
            self._pool.put(connection)
        else:
            connection.abort()

    # -- getting a connection -------------------------------------------------------------------------------------

    def _begin(self, start: RequestStart) -> None:
        line = self._pool.credentials.ready()
        before, self._connection = self._connection, None
        if before is not None:  # an earlier request of the same exchange was answered over it
            self._give_back(before, self._exchange.again)
        if line is not None:
            connection = self._pool.take()
            if connection is not None:
                self._use(connection, line)
                return
        self._open()

    def _open(self) -> None:
        self._opening = Deferred.fromCoroutine(self._opened())
        self._opening.addErrback(self._failed)

    async def _opened(self) -> None:
        credentials = self._pool.credentials
        line = credentials.ready()
        if line is None:
            line = await credentials.look_up()
        connection = await self._pool.open()
        self._opening = None
        if self._closed:
            connection.abort()
        else:
            self._use(connection, line)

    def _failed(self, failure: Any) -> None:
        self._opening = None
        error, bridge = failure.value, self.bridge
        if self._closed or bridge is None:
            return
        if isinstance(error, ProtocolError):
            status, text = status_of(error), str(error)
        else:
            status, text = 502, "the target's credential cannot be had"
        if not isinstance(error, HoopError):
            self.log.failure("a target cannot be used", failure=failure)
        self.log.warn("a target cannot be had: {why}", why=str(error), session=self._exchange.request_id)
        bridge.carry(lambda: self._exchange.failed(status, text))

    def _use(self, connection: TargetConnection, line: bytes) -> None:
        start = self._start
        assert start is not None
        self._connection = connection
        connection.user = self
        connection.used += 1
        if self._paused:
            connection.transport.pauseProducing()
        waiting, self._waiting, self._size = self._waiting, [], 0
        data = b"".join((start.lines, line, b"\r\n", start.body, *waiting))
        if not start.replayable:
            self._start = None
        self.drained()
        connection.transport.write(data)

    # -- what the connection tells --------------------------------------------------------------------------------

    def received(self, data: bytes) -> None:
        """See User."""
        assert self.bridge is not None
        self._moved()
        self.bridge.target_received(data)

    def lost(self) -> None:
        """See User. A kept connection that was dead already is replaced once, for what changes nothing."""
        connection, self._connection = self._connection, None
        if self._closed or self.bridge is None:
            return
        again = self._start is not None and not self._exchange.answered
        if again and connection is not None and connection.used > 1:
            self._open()
        else:
            self.bridge.lost("target")

    def full(self) -> None:
        """See User."""
        if not self._held and self._client is not None:
            self._held = True
            self._client.pauseProducing()

    def drained(self) -> None:
        """See User."""
        if self._held and self._client is not None:
            self._held = False
            self._client.resumeProducing()
