"""twistd with a gateway whose recordings keep nothing: only benchmarks of what recording costs run it."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.scripts.twistd import run

from twisted_hoop.model import Entry, Outcome, Session
from twisted_hoop.recording.recorder import Recorder


class Nothing:
    """An IRecording in form only."""

    def __init__(self, session_id: str) -> None:
        self.id = session_id
        self.on_failure: object = None

    def write(self, entry: Entry, lazy: bool = False) -> None:
        """Forget it."""

    def barrier(self) -> None:
        """Nothing to wait for."""

    def close(self, outcome: Outcome) -> Deferred[None]:
        """Nothing to end."""
        return succeed(None)


def opened(recorder: Recorder, session: Session, policy_version: str = "") -> Nothing:
    """In place of `Recorder.open`."""
    return Nothing(session.id)


if __name__ == "__main__":
    Recorder.open = opened  # type: ignore[method-assign,assignment]
    run()
