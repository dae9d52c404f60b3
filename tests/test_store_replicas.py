"""The processes that share a store."""

from __future__ import annotations

from dataclasses import replace

from tests.support.approvals import Office
from tests.support.loop import Loop
from twisted_hoop.store.replicas import GONE, Replica, Replicas

ONE = Replica("a", "hoop", "1", "v1", 1000.0, 1000.0, 3)


def test_those_that_live_are_known(office: Office, loop: Loop) -> None:
    table = Replicas(office.database)
    other = replace(ONE, id="b", started=900.0)

    async def go() -> None:
        await table.here(ONE)
        await table.here(other)
        await table.here(replace(ONE, seen=1005.0, sessions=4))
        assert await table.all() == [other, replace(ONE, seen=1005.0, sessions=4)]
        await table.here(replace(ONE, seen=1000.0 + GONE + 1))
        assert [each.id for each in await table.all()] == ["a"]  # the other said nothing for too long
        await table.gone("a")
        assert await table.all() == []

    loop.run(go)
