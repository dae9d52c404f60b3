"""One side of a bridge whose bytes are events of an SSH channel: what the bridge takes for a transport.

Flow control reaches from one leg to the other (S9): what was received is credited to its channel only once the other
side has taken everything on, so a stopped reader stops its writer and costs one window of memory, no more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted_hoop.ssh.events import (
    ADMINISTRATIVELY_PROHIBITED,
    Close,
    Data,
    Event,
    Open,
    Opened,
    OpenFailed,
)
from twisted_hoop.ssh.handlers import IsChannel, IsOpening

Deliver = Callable[[Event], None]
Opener = Callable[[Open, "ChannelEnd"], None]


def no_opener(wish: Open, end: ChannelEnd) -> None:
    """Of an end that opens nothing."""
    raise RuntimeError("nothing can be opened on this side")


class ChannelEnd:
    """See the module. A ChannelHandler for the engine, a transport for the bridge.

    `opening` is what the other side wants, to be answered with Opened or OpenFailed; `opener` opens a channel when the
    bridge writes Open, and sets `channel`. `deliver` gets every event, `gone` is called when the connection is lost.
    """

    def __init__(
        self,
        deliver: Deliver,
        gone: Callable[[], None],
        opening: IsOpening | None = None,
        opener: Opener = no_opener,
    ) -> None:
        self.channel: IsChannel | None = None
        self.other: ChannelEnd | None = None
        self.closed = False
        self._deliver = deliver
        self._gone = gone
        self._opening = opening
        self._opener = opener
        self._producer: Any = None
        self._stopped = False
        self._paused = False
        self._owed = 0

    # -- what the bridge calls ------------------------------------------------------------------------------------

    def write(self, event: Event) -> None:
        """Carry out one event, in order; after Close nothing more."""
        if self.closed:
            return
        channel = self.channel
        if channel is not None and not isinstance(event, (Open, Opened, OpenFailed)):
            self.closed = isinstance(event, Close)
            channel.send(event)
            if channel.queued and not self._stopped and self._producer is not None:
                self._stopped = True
                self._producer.pauseProducing()
        else:
            self._arrange(event)

    def _arrange(self, event: Event) -> None:
        """What happens before there is a channel."""
        opening = self._opening
        match event:
            case Open():
                self._opener(event, self)
            case Opened() if opening is not None:
                self._opening, self.channel = None, opening.accept(self, event.data)
            case OpenFailed() if opening is not None:
                self._opening, self.closed = None, True
                opening.refuse(event.code, event.text)
            case Close() | OpenFailed():
                self.loseConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Who is slowed down when this side takes no more."""
        self._producer = producer

    def unregisterProducer(self) -> None:
        """Nobody is any more: what is still queued leaves by itself."""
        self._producer = None

    def pauseProducing(self) -> None:
        """Credit nothing for now."""
        self._paused = True

    def resumeProducing(self) -> None:
        """Credit again, unless the other side is still full."""
        self._paused = False
        self._pay()

    def loseConnection(self) -> None:
        """Close the channel; refuse what is not open yet."""
        if self.closed:
            return
        self.closed = True
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.refuse(ADMINISTRATIVELY_PROHIBITED, "hoop: the session ended")
        elif self.channel is not None:
            self.channel.send(Close())

    abortConnection = loseConnection

    @property
    def full(self) -> bool:
        """Whether something given to this side has not left yet."""
        return self.channel is not None and self.channel.queued > 0 and not self.closed

    # -- what the engine calls ------------------------------------------------------------------------------------

    def received(self, event: Event) -> None:
        """See ChannelHandler."""
        self._deliver(event)
        if isinstance(event, Data):
            self._owed += len(event.data)
            self._pay()

    def drained(self) -> None:
        """See ChannelHandler."""
        stopped, self._stopped = self._stopped, False
        if stopped and self._producer is not None:
            self._producer.resumeProducing()
        if self.other is not None:
            self.other.pay()

    def lost(self) -> None:
        """See ChannelHandler."""
        self.closed = True
        self._gone()

    def pay(self) -> None:
        """The other side took what it was given."""
        self._pay()

    def _pay(self) -> None:
        if not self._owed or self._paused or self.channel is None or (self.other is not None and self.other.full):
            return
        owed, self._owed = self._owed, 0
        self.channel.credit(owed)
