"""What the bridges of one session, a channel or an exchange each, see of its recording: one failure is all's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.interfaces import IRecording
from twisted_hoop.model import Entry


class SharedRecording:
    """See the module: of IRecording what a bridge calls. `failed` is told of the first failure; nothing is written
    afterwards, and so nothing carried, by any of them (R1).
    """

    def __init__(self, recording: IRecording, failed: Callable[[RecordingFailed], None]) -> None:
        self.id = recording.id
        self.on_failure: Any = None
        self._recording = recording
        self._tell = failed
        self._failure: RecordingFailed | None = None
        recording.on_failure = self.fail

    def write(self, entry: Entry, lazy: bool = False) -> None:
        """See IRecording."""
        if self._failure is not None:
            raise self._failure
        try:
            self._recording.write(entry, lazy)
        except RecordingFailed as error:
            self.fail(error)
            raise

    def fail(self, error: RecordingFailed) -> None:
        """An entry, of whichever bridge, was not written."""
        if self._failure is None:
            self._failure = error
            self._tell(error)

    def barrier(self) -> Awaitable[None] | None:
        """See IRecording."""
        return self._recording.barrier()
