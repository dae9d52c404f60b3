"""What the bridges of a session's exchanges see of its one recording: a failure is one for all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.interfaces import IRecording
from twisted_hoop.model import Entry
from twisted_hoop.recording.shared import SharedRecording


class ExchangeRecording(SharedRecording):
    """See the module: the session's. `seconds` is a clock."""

    def __init__(
        self, recording: IRecording, seconds: Callable[[], float], failed: Callable[[RecordingFailed], None]
    ) -> None:
        super().__init__(recording, failed)
        self.seconds = seconds

    def of(self) -> OneExchange:
        """For one exchange."""
        return OneExchange(self)


class OneExchange:
    """What its bridge writes to: outcomes of requests get the time since the exchange began, in seconds."""

    __slots__ = ("_began", "_whole", "id", "on_failure")

    def __init__(self, whole: ExchangeRecording) -> None:
        self.id = whole.id
        self.on_failure: Any = None
        self._whole = whole
        self._began = whole.seconds()

    def write(self, entry: Entry, lazy: bool = False) -> None:
        """See IRecording."""
        if entry.kind == "outcome" and "operation" not in entry.data:
            entry = Entry("outcome", {**entry.data, "seconds": round(self._whole.seconds() - self._began, 6)})
        self._whole.write(entry, lazy)

    def barrier(self) -> Awaitable[None] | None:
        """See IRecording."""
        return self._whole.barrier()
