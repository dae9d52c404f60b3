"""What a transport could not send yet, and the producer that is held back meanwhile (attack S9: bounded buffers).

Not a socket: it never sends. It keeps order, joins small pieces, and tells the producer when to stop and go on.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Union, cast

from twisted.internet.interfaces import IProducer, IPullProducer, IPushProducer

HIGH_WATER: Final = 64 * 1024
"""Bytes queued above which a push producer is paused."""
LOW_WATER: Final = 16 * 1024
"""Bytes queued at or below which it is resumed."""
SEND_SIZE: Final = 64 * 1024
"""Most bytes offered to one send. Larger pieces save nothing, and TLS must offer a refused piece again whole."""

Piece = Union[bytes, bytearray, memoryview]


class Outbox:
    """A queue of bytes with a high and a low water mark, and at most one registered producer."""

    __slots__ = ("_front", "_rest", "paused", "producer", "size", "streaming")

    def __init__(self) -> None:
        self._front: Piece | None = None
        self._rest: deque[Piece] = deque()
        self.size = 0
        self.producer: IProducer | None = None
        self.streaming = False
        self.paused = False

    def append(self, data: Piece, sent: int = 0) -> None:
        """Queue `data` but for its first `sent` bytes; pause a push producer above the high water mark.

        Anything but `bytes` is copied, since its owner may change it before it leaves.
        """
        kept = data if type(data) is bytes else bytes(data)
        self._rest.append(memoryview(kept)[sent:] if sent else kept)
        self.size += len(kept) - sent
        if self.size > HIGH_WATER:
            self._pause()

    def head(self) -> Piece:
        """The next bytes to send, at most SEND_SIZE; the same again until `consumed` takes from it.

        OpenSSL wants a refused write repeated with the same bytes (SSL_write(3), SSL_ERROR_WANT_WRITE).
        """
        if self._front is None:
            self._front = self._cut_front()
        return self._front

    def _cut_front(self) -> Piece:
        first = self._rest.popleft()
        if len(first) > SEND_SIZE:
            view = memoryview(first)
            self._rest.appendleft(view[SEND_SIZE:])
            return view[:SEND_SIZE]
        return self._joined(first)

    def _joined(self, first: Piece) -> Piece:
        pieces, total = [first], len(first)
        while self._rest and total + len(self._rest[0]) <= SEND_SIZE:
            pieces.append(self._rest.popleft())
            total += len(pieces[-1])
        return first if len(pieces) == 1 else b"".join(pieces)

    def consumed(self, count: int) -> None:
        """`count` bytes of `head()` have left."""
        assert self._front is not None
        self.size -= count
        self._front = None if count == len(self._front) else memoryview(self._front)[count:]

    def clear(self) -> None:
        """Forget everything queued: it cannot be sent any more."""
        self._front = None
        self._rest.clear()
        self.size = 0

    def register(self, producer: IProducer, streaming: bool) -> None:
        """Take a producer, as `IConsumer.registerProducer` does; RuntimeError when there is one already."""
        if self.producer is not None:
            raise RuntimeError(f"cannot register {producer!r}: {self.producer!r} was never unregistered")
        self.producer = producer
        self.streaming = streaming
        self.paused = False
        if not streaming:
            cast(IPullProducer, producer).resumeProducing()
        elif self.size > HIGH_WATER:
            self._pause()

    def unregister(self) -> None:
        """Forget the producer, paused or not."""
        self.producer = None
        self.paused = False

    @property
    def pulls(self) -> bool:
        """Whether a pull producer is registered, which has more to give until it unregisters."""
        return self.producer is not None and not self.streaming

    def relieve(self) -> None:
        """After something left: wake the producer when there is room again (a pull producer: when all has left)."""
        if self.producer is None:
            return
        if self.streaming:
            if self.paused and self.size <= LOW_WATER:
                self.paused = False
                cast(IPushProducer, self.producer).resumeProducing()
        elif not self.size:
            cast(IPullProducer, self.producer).resumeProducing()

    def _pause(self) -> None:
        if self.producer is not None and self.streaming and not self.paused:
            self.paused = True
            cast(IPushProducer, self.producer).pauseProducing()
