"""What a client sent while its channel waits for an answer: kept in order, and counted. Pure."""

from __future__ import annotations

from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.events import Data, Event

MOST_EVENTS = 10_000
"""Events kept of one channel; its bytes are bounded by its window already (S9)."""


class Holding:
    """See the module."""

    __slots__ = ("_events", "size")

    def __init__(self) -> None:
        self._events: list[Event] = []
        self.size = 0

    def add(self, event: Event) -> None:
        """Keep it. Bytes are copied: a view is valid during the call only."""
        if len(self._events) >= MOST_EVENTS:
            raise ProtocolError("too much was sent while an answer was due")
        if isinstance(event, Data):
            event = Data(event.stream, bytes(event.data))
            self.size += len(event.data)
        self._events.append(event)

    def take(self) -> list[Event]:
        """Everything that was kept, in order; it is empty afterwards."""
        events, self._events, self.size = self._events, [], 0
        return events
