"""The processes that share a store, and those that are taken for dead."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection, text, update

from tests.support.approvals import ALICE, Office, session_of
from tests.support.loop import Loop
from tests.support.postgres import Server
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.store.database import Database
from twisted_hoop.store.replicas import GONE, LEASE, Dead, Replica, Replicas, draining, living
from twisted_hoop.store.sessions import SessionIndex
from twisted_hoop.store.tables import replicas

ONE = Replica("a", "hoop", "1", "v1", 1000.0, 1000.0, 3)
TWO = replace(ONE, id="b", started=900.0)
LATE = 1000.0 + LEASE + 1


def nothing(connection: Connection, sessions: list[str]) -> None:
    """Nothing belongs to the sessions of the dead."""


def fails(connection: Connection, sessions: list[str]) -> None:
    raise OSError("what belongs to them could not be ended")


def test_those_that_live_are_known(office: Office, loop: Loop) -> None:
    table = Replicas(office.database)

    async def go() -> None:
        await table.here(ONE)
        await table.here(TWO)
        assert await table.beat(replace(ONE, seen=1005.0, sessions=4))
        assert await table.all() == [TWO, replace(ONE, seen=1005.0, sessions=4)]
        await table.gone("a")
        assert await table.all() == [TWO]
        assert not await table.beat(ONE)  # who has no row has no lease

    loop.run(go)


def test_whose_lease_is_over_is_known_before_anybody_says_so(office: Office, loop: Loop) -> None:
    table = Replicas(office.database)

    async def go() -> None:
        await table.here(replace(ONE, seen=1000.0))
        await table.here(replace(TWO, seen=1015.0))
        for moment, alive in ((1000.0 + LEASE, {"a", "b"}), (1001.0 + LEASE, {"b"}), (1016.0 + LEASE, set())):
            found = await office.database.read(lambda connection, moment=moment: living(connection, moment))
            assert found == alive

    loop.run(go)


def test_the_sessions_of_a_dead_replica_are_interrupted_once_and_only_they(office: Office, loop: Loop) -> None:
    table = Replicas(office.database)
    mine = SessionIndex(office.database, office.time, replica="a")
    theirs = SessionIndex(office.database, office.time, replica="b")

    async def go() -> None:
        await table.here(replace(ONE, seen=LATE))
        await table.here(TWO)
        await mine.opened(session_of(ALICE, "session-a"))
        await theirs.opened(session_of(ALICE, "session-b"))
        assert await table.judge("a", 1000.0 + LEASE - 1, nothing) == []
        with pytest.raises(StoreUnavailable):
            await table.judge("a", LATE, fails)
        told: list[str] = []
        assert await table.judge("a", LATE, lambda c, ids: told.extend(ids)) == [Dead("b", "hoop", ("session-b",))]
        assert told == ["session-b"]
        assert await table.judge("a", LATE, nothing) == []
        assert [each.id for each in await table.all()] == ["a"]
        states = {row.id: row.state for row in await mine.list()}
        assert states == {"session-a": "live", "session-b": "interrupted"}

    loop.run(go)


def test_who_was_taken_for_dead_learns_of_it_and_comes_back_with_its_sessions(office: Office, loop: Loop) -> None:
    table = Replicas(office.database)
    theirs = SessionIndex(office.database, office.time, replica="b")

    async def go() -> None:
        await table.here(replace(ONE, seen=LATE))
        await table.here(TWO)
        for name in ("session-1", "session-2"):
            await theirs.opened(session_of(ALICE, name))
        await table.judge("a", LATE, nothing)
        assert not await table.beat(replace(TWO, seen=LATE))
        await table.here(replace(TWO, seen=LATE), ["session-1"])
        assert await table.beat(replace(TWO, seen=LATE + 1))
        found = {row.id: (row.state, row.ended is None) for row in await theirs.list()}
        assert found == {"session-1": ("live", True), "session-2": ("interrupted", False)}

    loop.run(go)


def test_nobody_takes_itself_for_dead_and_old_rows_go(office: Office, loop: Loop) -> None:
    table = Replicas(office.database)

    async def go() -> None:
        await table.here(ONE)
        await table.here(TWO)
        assert [dead.id for dead in await table.judge("a", LATE, nothing)] == ["b"]
        await table.judge("a", LATE + GONE + 1, nothing)
        rows = await office.database.read(lambda c: c.execute(text("select id from replicas")).scalars().all())
        assert rows == ["a"]

    loop.run(go)


def test_one_is_asked_to_stop(office: Office, loop: Loop) -> None:
    table = Replicas(office.database)

    async def go() -> None:
        await table.here(ONE)
        assert not await table.drain("b", "olga: new version")
        assert await table.drain("a", "olga: new version")
        assert await table.beat(replace(ONE, sessions=1))
        assert await office.database.read(lambda c: draining(c, "a")) == "olga: new version"
        assert await office.database.read(lambda c: draining(c, "b")) == ""

    loop.run(go)


def test_on_postgresql_the_clock_of_the_store_counts(postgres: Server, loop: Loop) -> None:
    """A machine whose clock is years off is neither dead nor a judge of others."""
    postgres.create_database("store_replicas")
    where = f"{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}"
    database = Database(f"postgresql://{where}/store_replicas", loop.reactor)
    database.start()
    table = Replicas(database)

    async def go() -> None:
        await table.here(replace(ONE, seen=5.0))
        await table.here(TWO)
        assert await table.judge("a", 5e9, nothing) == []
        await database.write(
            lambda c: c.execute(update(replicas).where(replicas.c.id == "b").values(seen=1.0)) and None
        )
        assert [dead.id for dead in await table.judge("a", 5.0, nothing)] == ["b"]

    try:
        loop.run(go)
    finally:
        database.stop()


@pytest.mark.parametrize("count", [0, 1, 1201])
def test_many_sessions_come_back(office: Office, loop: Loop, count: int) -> None:
    """More than a database takes parameters for in one statement."""
    table = Replicas(office.database)
    loop.run(lambda: table.here(ONE, [f"session-{number}" for number in range(count)]))
    assert [each.id for each in loop.run(table.all)] == ["a"]
