"""How a gateway's process begins and ends."""

from __future__ import annotations

import stat
from pathlib import Path

from tests.support.approvals import Office
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from twisted_hoop.life import GOODBYE, SessionObserving, ended, masking_key
from twisted_hoop.model import Outcome, Session
from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.sessions import Sessions
from twisted_hoop.store.sessions import SessionIndex
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


class Kept:
    """What a keeper is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def opened(self, session: str) -> None:
        self.told.append(f"opened {session}")

    def closed(self, session: str) -> None:
        self.told.append(f"closed {session}")


def test_a_session_is_counted_written_down_and_let_go_of(office: Office, loop: Loop) -> None:
    metrics, kept, over = Metrics(), Kept(), list[Session]()
    index = SessionIndex(office.database, office.time, loop.reactor)
    observe = SessionObserving(metrics, index, kept, over.append)  # type: ignore[arg-type]
    session = make_session()
    loop.run(lambda: observe(session, None, 0))
    assert not over and kept.told == [f"opened {session.id}"]
    loop.run(lambda: observe(session, Outcome("closed"), 3))
    assert over == [session] and kept.told[1:] == [f"closed {session.id}"]
    row = wait_for(lambda: loop.run(lambda: index.get(session.id)), "the row")
    wait_for(lambda: loop.run(lambda: index.get(session.id)).state == "closed", "its end")
    assert row.target == session.target.name and b'outcome="closed"' in metrics.render()


def test_the_key_is_made_once_and_whole(tmp_path: Path) -> None:
    first = masking_key(tmp_path)
    assert len(first) == 32 and masking_key(tmp_path) == first
    assert [path.name for path in tmp_path.iterdir()] == ["masking.key"]
    assert stat.S_IMODE((tmp_path / "masking.key").stat().st_mode) == 0o600
