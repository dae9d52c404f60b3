"""Old rows go, and only those."""

from __future__ import annotations

from sqlalchemy import func, select

from tests.support.approvals import ALICE, DELETE, RETRY, Office, session_of
from tests.support.loop import Loop
from twisted_hoop.model import Outcome, Peer
from twisted_hoop.store.reads import ReadLog
from twisted_hoop.store.retention import purge
from twisted_hoop.store.sessions import SessionIndex
from twisted_hoop.store.tables import approvals, holders, reads, sessions

DAY = 86400.0


def test_what_is_over_for_long_enough_goes(office: Office, loop: Loop) -> None:
    index, log = SessionIndex(office.database, office.time), ReadLog(office.database, office.time)

    async def go() -> None:
        await index.opened(session_of(ALICE, "session-old"))
        await index.opened(session_of(ALICE, "session-live"))
        await index.closed("session-old", Outcome("closed"), 1)
        await log.add(ALICE, Peer("127.0.0.1"), "session-old", "recording", "r1")
        await office.approver.file(session_of(), DELETE, RETRY)
        office.time.seconds += 10 * DAY
        await office.database.write(lambda c: purge(c, office.time(), 30 * DAY))
        assert await counted() == [1, 1, 2, 1]
        # The pending one is over by the clock only: it goes once that is written down.
        await office.desk.expire()
        office.time.seconds += 40 * DAY
        assert await office.database.write(lambda c: purge(c, office.time(), 30 * DAY)) == 3
        assert await counted() == [0, 0, 1, 0]

    async def counted() -> list[int | None]:
        tables = (approvals, holders, sessions, reads)
        return await office.database.read(
            lambda c: [c.scalar(select(func.count()).select_from(table)) for table in tables]
        )

    loop.run(go)
