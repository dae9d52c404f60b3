"""The index of sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from tests.support.approvals import ALICE, BOB, Office, session_of
from tests.support.loop import Loop
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.model import Outcome
from twisted_hoop.store.database import Database
from twisted_hoop.store.sessions import AGAIN, DELAY, SessionIndex


def test_sessions_from_open_to_close(office: Office, loop: Loop) -> None:
    index = SessionIndex(office.database, office.time)

    async def go() -> None:
        await index.opened(session_of(ALICE, "session-a"))
        await index.opened(session_of(BOB, "session-b"))
        live = await index.get("session-a")
        assert live is not None and (live.state, live.ended, live.subject) == ("live", None, "alice")
        await index.closed("session-a", Outcome("client-lost"), 7)
        await index.closed("session-a", Outcome("closed"), 9)
        over = await index.get("session-a")
        assert over is not None and (over.state, over.commands, over.ended) == ("client-lost", 7, office.time())
        assert await index.get("session-c") is None

    loop.run(go)


def test_lists_are_by_principal_target_and_subject(office: Office, loop: Loop) -> None:
    index = SessionIndex(office.database, office.time)

    async def go() -> None:
        for number in range(3):
            await index.opened(session_of(ALICE, f"session-{number}"))
        await index.opened(session_of(BOB, "session-bob"))
        assert len(await index.list()) == 4
        assert [row.id for row in await index.list(BOB.key)] == ["session-bob"]
        assert [row.id for row in await index.list(subject="bob")] == ["session-bob"]
        assert await index.list(target="other") == []
        assert len(await index.list(limit=2)) == 2

    loop.run(go)


def test_what_an_earlier_process_left_is_interrupted(office: Office, loop: Loop) -> None:
    index = SessionIndex(office.database, office.time)

    async def go() -> None:
        await index.opened(session_of(ALICE, "session-a"))
        await index.closed("session-a", Outcome("closed"), 1)
        await index.opened(session_of(ALICE, "session-b"))
        await index.interrupted(["session-a", "session-b"])
        states = {row.id: row.state for row in await index.list()}
        assert states == {"session-a": "closed", "session-b": "interrupted"}

    loop.run(go)


def test_a_session_shorter_than_its_own_row_is_closed_all_the_same(office: Office, loop: Loop) -> None:
    """The store's threads do not keep order; the index does."""
    index = SessionIndex(office.database, office.time)

    async def go() -> set[str]:
        work = []
        for number in range(20):
            work.append(index.opened(session_of(ALICE, f"session-{number}")))
            work.append(index.closed(f"session-{number}", Outcome("closed"), 0))
        for each in work:
            await each
        return {row.state for row in await index.list()}

    assert loop.run(go) == {"closed"}


def test_a_row_that_could_not_be_written_does_not_hold_up_its_end(office: Office, loop: Loop) -> None:
    index = SessionIndex(office.database, office.time)

    async def go() -> None:
        await index.opened(session_of(ALICE, "session-a"))
        again = index.opened(session_of(BOB, "session-a"))
        closed = index.closed("session-a", Outcome("closed"), 1)
        with pytest.raises(StoreUnavailable):
            await again
        await closed
        row = await index.get("session-a")
        assert row is not None and row.state == "closed"

    loop.run(go)


class Unsteady:
    """A store whose next writes fail: before they are done, or after it, when only the answer is lost."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.faults: list[str] = []

    def write(self, work: Callable[[Any], Any]) -> Deferred[Any]:
        fault = self.faults.pop(0) if self.faults else ""
        if fault != "away":
            try:
                told = self._database.write_now(work)
            except StoreUnavailable as refusal:
                return fail(refusal)
        return fail(StoreUnavailable("the store did not answer")) if fault else succeed(told)

    def states(self, ids: list[str]) -> dict[str, str]:
        from sqlalchemy import select

        from twisted_hoop.store.tables import sessions

        query = select(sessions.c.id, sessions.c.state).where(sessions.c.id.in_(ids))
        return {
            row.id: row.state for row in self._database.read_now(lambda connection: connection.execute(query).all())
        }


@pytest.mark.parametrize("faults", [["away"], ["unheard"], ["away", "unheard", "away"], ["unheard", "away", "unheard"]])
def test_what_a_store_did_not_take_is_written_when_it_is_back(office: Office, faults: list[str]) -> None:
    """Also a session whose opening was lost, and one whose row was written although the answer was lost."""
    clock, store = Clock(), Unsteady(office.database)
    index = SessionIndex(store, office.time, clock)  # type: ignore[arg-type]
    lost: list[Any] = []
    store.faults = list(faults)
    index.opened(session_of(ALICE, "session-a")).addErrback(lost.append)
    clock.advance(DELAY)
    index.opened(session_of(BOB, "session-b")).addErrback(lost.append)
    index.closed("session-a", Outcome("closed"), 1).addErrback(lost.append)
    assert lost and index.unwritten() >= 2
    for _ in range(5):
        clock.advance(AGAIN)
    assert index.unwritten() == 0
    assert store.states(["session-a", "session-b"]) == {"session-a": "closed", "session-b": "live"}
    assert not clock.getDelayedCalls()


def test_a_row_the_store_never_takes_keeps_no_other_out(office: Office) -> None:
    clock, store = Clock(), Unsteady(office.database)
    index = SessionIndex(store, office.time, clock)  # type: ignore[arg-type]
    failed: list[Any] = []
    broken = session_of(ALICE, "session-\ud800")  # no text of any database
    for session in (broken, session_of(BOB, "session-good")):
        index.opened(session).addErrback(failed.append)
    clock.advance(DELAY)
    assert len(failed) == 2
    clock.advance(AGAIN)
    assert index.unwritten() == 0
    assert store.states(["session-good"]) == {"session-good": "live"}
