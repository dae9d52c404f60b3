"""Locks in the store."""

from __future__ import annotations

from tests.support.approvals import Office
from tests.support.loop import Loop
from twisted_hoop.store.locks import LockRow, LockTable


def test_locks_come_stay_and_go(office: Office, loop: Loop) -> None:
    table = LockTable(office.database, office.time)
    now = office.time()

    async def go() -> None:
        await table.put(LockRow("principal", "i|mallory", 0.0, "left", "i|olga", now))
        await table.put(LockRow("group", "contractors", now + 10, "", "i|olga", now + 1))
        await table.put(LockRow("group", "contractors", now + 20, "again", "i|olga", now + 2))
        assert [(row.kind, row.until, row.reason) for row in await table.all()] == [
            ("group", now + 20, "again"),
            ("principal", 0.0, "left"),
        ]
        office.time.seconds += 20
        assert [row.value for row in await table.all()] == ["i|mallory"]
        assert await table.lift("principal", "i|mallory")
        assert not await table.lift("principal", "i|mallory")
        assert await table.all() == []

    loop.run(go)


def test_another_replica_sees_them(office: Office, loop: Loop) -> None:
    row = LockRow("target", "shop", 0.0, "", "i|olga", 1.0)
    loop.run(lambda: LockTable(office.database, office.time).put(row))
    assert loop.run(lambda: LockTable(office.database, office.time).all()) == [row]
