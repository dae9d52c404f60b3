"""How a gateway's process begins and ends."""

from __future__ import annotations

import stat
from pathlib import Path

from tests.support.loop import Loop
from twisted_hoop.life import GOODBYE, ended, masking_key
from twisted_hoop.sessions import Sessions
from twisted_hoop.testing import make_session


class Handle:
    """A session that runs something for a while, and is over when it is told to end."""

    def __init__(self, sessions: Sessions, busy: int, in_transaction: bool = False) -> None:
        self.sessions, self.busy, self.in_transaction = sessions, busy, in_transaction
        self.ends: list[tuple[str, str]] = []

    def end(self, code: str, message: str) -> None:
        self.ends.append((code, message))
        self.sessions.close(make_session().id)

    def cancel(self) -> None:
        """Nothing is cancelled."""

    def outdated(self) -> bool:
        return False

    def activity(self) -> tuple[int, bool, bool]:
        self.busy -= 1
        return 1, self.busy > 0 and not self.in_transaction, self.busy > 0 and self.in_transaction


def test_what_runs_may_finish_and_then_all_are_told(loop: Loop) -> None:
    for in_transaction in (False, True):
        sessions = Sessions()
        handle = Handle(sessions, 3, in_transaction)
        sessions.open(make_session(), handle)
        loop.run(lambda sessions=sessions: ended(sessions, loop.reactor, 30.0))
        assert handle.ends == [("57P01", GOODBYE)] and handle.busy == 0


def test_nobody_is_waited_for_longer_than_was_said(loop: Loop) -> None:
    sessions = Sessions()
    handle = Handle(sessions, 10**9)
    sessions.open(make_session(), handle)
    loop.run(lambda: ended(sessions, loop.reactor, 0.1))
    assert handle.ends == [("57P01", GOODBYE)] and len(sessions) == 0


def test_the_key_is_made_once_and_whole(tmp_path: Path) -> None:
    first = masking_key(tmp_path)
    assert len(first) == 32 and masking_key(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["masking.key"]
    assert stat.S_IMODE((tmp_path / "masking.key").stat().st_mode) == 0o600
