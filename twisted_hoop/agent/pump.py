"""One stream as the agent has it: bytes between a channel of the gateway and a socket to the target.

Each side is read only as fast as the other takes it; what waits is bounded by the window one way and by HIGH_WATER the
other (S9). Half closes pass both ways.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_hoop.ssh.events import STDOUT, Close, Data, Eof, Event
from twisted_hoop.ssh.handlers import IsChannel, IsOpening

HIGH_WATER = 128 * 1024
"""Bytes of the target that wait for the gateway before its socket is not read any more."""
WINDOW = 1 << 20
"""Bytes the gateway may send of one stream before the target has taken them."""


@implementer(IHalfCloseableProtocol)
class Pump(Protocol):
    """See the module: the protocol of the target's socket, and the ChannelHandler of its channel."""

    transport: Any

    def __init__(self, opening: IsOpening, over: Callable[[Pump], None]) -> None:
        """`over` is called once, when channel and socket are both gone."""
        self._opening: IsOpening | None = opening
        self._over = over
        self._channel: IsChannel | None = None
        self._full = False
        self._owed = 0
        self._stopped = False
        self._ended = False
        self._their_end = False
        self._channel_gone = self._socket_gone = False

    @property
    def waits(self) -> bool:
        """Whether the gateway was not answered yet."""
        return self._opening is not None

    # -- the target's socket --------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """The target answered: the gateway is told."""
        opening, self._opening = self._opening, None
        self.transport.registerProducer(self, True)
        if opening is not None:
            self._channel = opening.accept(self, b"", WINDOW)

    def dataReceived(self, data: bytes) -> None:
        """Bytes of the target."""
        channel = self._channel
        if channel is None:
            return
        channel.write(data)
        if channel.queued > HIGH_WATER and not self._stopped:
            self._stopped = True
            self.transport.pauseProducing()

    def readConnectionLost(self) -> None:
        """The target sends no more."""
        self._end_channel()

    def writeConnectionLost(self) -> None:
        """It takes no more, as we said so."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted's."""
        if self._socket_gone:
            return
        self._socket_gone = True
        if reason.check(ConnectionDone) is not None:
            self._end_channel()
        if self._channel is not None:
            self._channel.send(Close())
        self._if_over()

    def _end_channel(self) -> None:
        if not self._ended and self._channel is not None:
            self._ended = True
            self._channel.send(Eof())

    def pauseProducing(self) -> None:
        """The target takes no more for now: the gateway is given no more window."""
        self._full = True

    def resumeProducing(self) -> None:
        """It does again."""
        self._full = False
        owed, self._owed = self._owed, 0
        if owed and self._channel is not None:
            self._channel.credit(owed)

    def stopProducing(self) -> None:
        """It is gone; connectionLost says so."""

    # -- the gateway's channel ------------------------------------------------------------------------------------

    def received(self, event: Event) -> None:
        """See ChannelHandler."""
        if isinstance(event, Data):
            if event.stream == STDOUT:
                self.bytes_received(event.data)
            else:
                self._taken(len(event.data))
        elif isinstance(event, Eof):
            self._their_end = True
            self.transport.loseWriteConnection()
        elif isinstance(event, Close):
            self._closed_by_gateway()

    def bytes_received(self, data: bytes | memoryview) -> None:
        """See ChannelHandler: bytes for the target."""
        self.transport.write(data)
        self._taken(len(data))

    def _taken(self, size: int) -> None:
        if self._full:
            self._owed += size
        elif self._channel is not None:
            self._channel.credit(size)

    def _closed_by_gateway(self) -> None:
        """Behind an end that was announced what was sent still leaves; without one, all is broken off."""
        self.transport.unregisterProducer()
        if self._their_end:
            self.transport.loseConnection()
        else:
            self.transport.abortConnection()
        if self._channel is not None:
            self._channel.send(Close())

    def drained(self) -> None:
        """See ChannelHandler: the gateway took what waited."""
        if self._stopped:
            self._stopped = False
            self.transport.resumeProducing()

    def lost(self) -> None:
        """See ChannelHandler: the channel is over, or the connection to the gateway."""
        self._channel_gone, self._channel = True, None
        if not self._socket_gone:
            self.transport.unregisterProducer()
            if self._their_end:
                self.transport.loseConnection()
            else:
                self.transport.abortConnection()
        self._if_over()

    def _if_over(self) -> None:
        if self._channel_gone and self._socket_gone:
            self._over(self)
