"""Leases of log-ins in the store: what is owed, whose it is, and that nobody is asked twice."""

from __future__ import annotations

from sqlalchemy import update

from tests.support.approvals import Office
from tests.support.loop import Loop
from twisted_hoop.model import TargetLease
from twisted_hoop.store.database import running
from twisted_hoop.store.replicas import Replica, Replicas
from twisted_hoop.store.secret_leases import CLAIM, SecretLeases
from twisted_hoop.store.tables import replicas

REFERENCE = "vault:database/creds/shop"


def replica(ident: str, now: float) -> Replica:
    return Replica(ident, "hoop", "1", "p", now, now, 0)


def lease(name: str, session: str = "s-1") -> TargetLease:
    return TargetLease(name, REFERENCE, session, 5000.0)


def test_what_is_used_is_owed_by_nobody(office: Office, loop: Loop) -> None:
    table = SecretLeases(office.database, office.time, "me")
    loop.run(lambda: table.put(lease("database/creds/shop/1")))
    assert loop.run(table.due) == []


def test_what_is_over_is_taken_once_until_it_is_done(office: Office, loop: Loop) -> None:
    table = SecretLeases(office.database, office.time, "me")

    async def go() -> None:
        await table.put(lease("a"))
        await table.extended("a", 7000.0)
        await table.owing("a")
        assert await table.due() == [TargetLease("a", REFERENCE, "s-1", 7000.0, 1)]
        assert await table.due() == []
        office.time.seconds += CLAIM + 1
        assert [each.name for each in await table.due()] == ["a"]
        await table.owing("a", later=60.0)
        assert await table.due() == []
        office.time.seconds += 61
        assert [each.attempts for each in await table.due()] == [2]
        await table.done("a")
        office.time.seconds += 1000
        assert await table.due() == []

    loop.run(go)


def test_what_a_dead_replica_had_is_everybodys_to_revoke(office: Office, loop: Loop) -> None:
    now = office.time()
    mine, theirs = (SecretLeases(office.database, office.time, name) for name in ("me", "them"))
    table = Replicas(office.database)

    async def go() -> None:
        await table.here(replica("me", now))
        await table.here(replica("them", now))
        await theirs.put(lease("b", ""))
        await mine.put(lease("c"))
        assert await mine.due() == []
        await office.database.write(running(update(replicas).where(replicas.c.id == "them").values(fenced=now)))
        assert [each.name for each in await mine.due()] == ["b"]

    loop.run(go)


def test_what_was_a_crashed_sessions_is_owed_at_once(office: Office, loop: Loop) -> None:
    table = SecretLeases(office.database, office.time, "me")

    async def go() -> None:
        await table.put(lease("d", "s-9"))
        await table.put(lease("e", "s-8"))
        await table.interrupted(["s-9", "s-7"])
        assert [each.name for each in await table.due()] == ["d"]

    loop.run(go)
