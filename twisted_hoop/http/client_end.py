"""The client's end of the exchanges of one connection, as a transport to bridges; the connection outlives them."""

from __future__ import annotations

from typing import Any


class ClientEnd:
    """See the module. `full` is whether the client takes no more; `resumed` counts how often it did again."""

    write: Any

    def __init__(self) -> None:
        self.full = False
        self.resumed = 0
        self._transport: Any = None
        self._producer: Any = None

    def made(self, transport: Any) -> None:
        """The connection is there."""
        self._transport = transport
        self.write = transport.write
        transport.registerProducer(_Flow(self), True)

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Who is slowed down when the client takes no more: the target of the exchange under way."""
        self._producer = producer
        if self.full:
            producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """That exchange is over."""
        self._producer = None

    def loseConnection(self) -> None:
        """The exchange is over; what becomes of the connection is decided by who is told that it is."""

    def pauseProducing(self) -> None:
        """The client is not read for now."""
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        """It is again."""
        self._transport.resumeProducing()

    def slowed(self, full: bool) -> None:
        """The client takes no more, or does again."""
        self.full = full
        self.resumed += not full
        if self._producer is not None:
            if full:
                self._producer.pauseProducing()
            else:
                self._producer.resumeProducing()


class _Flow:
    """What the client's transport slows down."""

    def __init__(self, end: ClientEnd) -> None:
        self._end = end

    def pauseProducing(self) -> None:
        """The client takes no more for now."""
        self._end.slowed(True)

    def resumeProducing(self) -> None:
        """It does again."""
        self._end.slowed(False)

    def stopProducing(self) -> None:
        """The client is gone, which its connection tells."""
