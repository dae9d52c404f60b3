"""The list of readings (R2)."""

from __future__ import annotations

from tests.support.approvals import CAROL, Office
from tests.support.loop import Loop
from twisted_hoop.model import Peer
from twisted_hoop.store.reads import ReadLog


def test_readings_are_kept_in_order(office: Office, loop: Loop) -> None:
    log = ReadLog(office.database, office.time)

    async def go() -> None:
        await log.add(CAROL, Peer("192.0.2.1"), "session-1", "recording", "r1")
        office.time.seconds += 1
        await log.add(CAROL, Peer("192.0.2.1"), "session-1", "recording", "r2")
        await log.add(CAROL, Peer("192.0.2.1"), "session-2", "recording", "r3")
        found = await log.of("session-1")
        assert [row["request_id"] for row in found] == ["r1", "r2"]
        assert found[0]["reader_key"] == CAROL.key and found[0]["address"] == "192.0.2.1"

    loop.run(go)
