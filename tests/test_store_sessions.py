"""The index of sessions."""

from __future__ import annotations

import pytest

from tests.support.approvals import ALICE, BOB, Office, session_of
from tests.support.loop import Loop
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.model import Outcome
from twisted_hoop.store.sessions import SessionIndex


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
