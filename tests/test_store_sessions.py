"""The index of sessions."""

from __future__ import annotations

from tests.support.approvals import ALICE, BOB, Office, session_of
from tests.support.loop import Loop
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
