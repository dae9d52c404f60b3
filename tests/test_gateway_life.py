"""How the process of a gateway lives."""

from __future__ import annotations

from functools import partial

from tests.support.loop import Loop
from twisted_hoop.gateway.life import GOODBYE, ended
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
        loop.run(partial(ended, sessions, loop.reactor, 30.0))
        assert handle.ends == [("57P01", GOODBYE)] and handle.busy == 0


def test_nobody_is_waited_for_longer_than_was_said(loop: Loop) -> None:
    sessions = Sessions()
    handle = Handle(sessions, 10**9)
    sessions.open(make_session(), handle)
    loop.run(lambda: ended(sessions, loop.reactor, 0.1))
    assert handle.ends == [("57P01", GOODBYE)] and len(sessions) == 0
