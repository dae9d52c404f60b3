"""Agents in the store: tokens used once, installations, connections."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from tests.support.approvals import Office
from tests.support.loop import Loop
from tests.support.postgres import Server
from twisted_hoop.model import AgentReport
from twisted_hoop.store.agents import AgentRow, AgentTable, LinkRow
from twisted_hoop.store.database import Database
from twisted_hoop.store.replicas import Replica, Replicas

ROW = AgentRow("ident-0001", "office", "join-token", "", "", 1000.0, 1120.0, "10.0.0.9", 1000.0)
DIGEST = "d" * 64


def test_a_token_lets_one_in_once_and_by_its_name(office: Office, loop: Loop) -> None:
    table = AgentTable(office.database)

    async def go() -> None:
        await table.add_token(DIGEST, "office", 2000.0, "i|olga", 900.0)
        assert "no such join token" in await table.enrol(DIGEST, replace(ROW, name="lab"))
        assert "no such join token" in await table.enrol("e" * 64, ROW)
        assert "expired" in await table.enrol(DIGEST, replace(ROW, enrolled=2000.0))
        assert await table.enrol(DIGEST, ROW) == ""
        assert "used before" in await table.enrol(DIGEST, replace(ROW, ident="ident-0002"))
        assert await table.find("ident-0001") == replace(ROW, by_key="i|olga")
        assert await table.find("ident-0002") is None

    loop.run(go)


def race(databases: list[Database]) -> list[str]:
    """What each of many is told that uses the same token at the same moment."""
    told: list[str] = []
    start = threading.Barrier(len(databases))

    class Now(Database):
        """Runs work in the calling thread."""

        def write(self, work):  # type: ignore[no-untyped-def]
            return self.write_now(work)

    def use(number: int, database: Database) -> None:
        database.__class__ = Now
        start.wait()
        told.append(AgentTable(database).enrol(DIGEST, replace(ROW, ident=f"ident-{number:04}")))  # type: ignore[arg-type]

    threads = [threading.Thread(target=use, args=each) for each in enumerate(databases)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_of_several_replicas_at_once_one_uses_the_token(
    kind: str, store_url: str, postgres: Server, loop: Loop
) -> None:
    """The condition of one UPDATE decides."""
    url = store_url
    if kind == "postgresql":
        postgres.create_database("store_agents")
        url = f"postgresql://{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}/store_agents"
    databases = [Database(url, loop.reactor) for _ in range(6)]
    for each in databases:
        each.start()
    try:
        loop.run(lambda: AgentTable(databases[0]).add_token(DIGEST, "office", 2000.0, "i|olga", 900.0))
        told = race(databases)
    finally:
        for each in databases:
            each.stop()
    assert sorted(told) == ["", *["the join token was used before"] * 5]


def test_who_is_revoked_gets_no_certificate(office: Office, loop: Loop) -> None:
    table = AgentTable(office.database)

    async def go() -> None:
        await table.add_token(DIGEST, "office", 2000.0, "i|olga", 900.0)
        await table.enrol(DIGEST, ROW)
        assert await table.certified("ident-0001", "office", "ssh-ed25519 AAAA", 5000.0, 1001.0)
        assert not await table.certified("ident-0001", "lab", "ssh-ed25519 AAAA", 5000.0, 1001.0)
        assert not await table.revoke("ident-0009", "i|olga", "", 1002.0)
        assert await table.revoke("ident-0001", "i|olga", "stolen", 1002.0)
        assert await table.revoke("ident-0001", "i|otto", "again", 1009.0)
        assert not await table.certified("ident-0001", "office", "ssh-ed25519 BBBB", 9000.0, 1003.0)
        [row] = await table.all()
        assert (row.public_key, row.until) == ("ssh-ed25519 AAAA", 5000.0)
        assert (row.revoked, row.revoked_by, row.revoked_reason) == (1002.0, "i|olga", "stolen")
        assert (await table.look()).revoked == {"ident-0001"}

    loop.run(go)


def test_a_workload_is_one_installation_until_it_is_revoked(office: Office, loop: Loop) -> None:
    table = AgentTable(office.database)
    row = replace(ROW, proof="jwt", by_key="i|pod")

    async def go() -> None:
        assert await table.proved(row)
        assert await table.proved(replace(row, until=3000.0, seen=1500.0, enrolled=1500.0))
        [found] = await table.all()
        assert (found.enrolled, found.until, found.seen) == (1000.0, 3000.0, 1500.0)
        await table.revoke(row.ident, "i|olga", "", 1600.0)
        assert not await table.proved(replace(row, until=9000.0))
        await table.tidy(1e9)
        assert len(await table.all()) == 1  # its next token would be a new one

    loop.run(go)


def test_connections_are_seen_while_their_replica_lives(office: Office, loop: Loop) -> None:
    table, fleet = AgentTable(office.database), Replicas(office.database)
    report = AgentReport("connection-1", "10.0.0.9", "1.0", ("db:5432",), 1001.0, 1002.0, 3, 2**40, 7)
    link = LinkRow("ident-0001", "office", "a", report)

    async def go() -> None:
        await table.add_token(DIGEST, "office", 2000.0, "i|olga", 900.0)
        await table.enrol(DIGEST, ROW)
        other = replace(link, report=replace(report, connection="connection-2"))
        await table.write_links("a", [link, other], [], whole=True)
        assert (await table.look()).links == ()  # nobody knows that replica
        await fleet.here(Replica("a", "hoop", "1", "v1", 1.0, 1.0, 0, peer="unix:/run/a", peer_key="ssh-ed25519 AA"))
        seen = await table.look()
        assert seen.links == (link, other)
        assert [(peer.id, peer.address, peer.key) for peer in seen.peers] == [("a", "unix:/run/a", "ssh-ed25519 AA")]
        changed = replace(link, report=replace(report, streams=4, seen=1010.0))
        await table.write_links("a", [changed], ["connection-2"], whole=False)
        assert (await table.look()).links == (changed,)
        assert [row.seen for row in await table.all()] == [1010.0]
        await table.write_links("a", [other], [], whole=True)
        assert (await table.look()).links == (other,)
        await table.leave("a")
        assert (await table.look()).links == ()

    loop.run(go)


def test_what_nobody_can_be_any_more_goes(office: Office, loop: Loop) -> None:
    table = AgentTable(office.database)

    async def go() -> None:
        await table.add_token(DIGEST, "office", 2000.0, "i|olga", 900.0)
        await table.enrol(DIGEST, ROW)
        await table.write_links("dead", [LinkRow("x", "office", "dead", AgentReport("c-00000001", "::1"))], [], True)
        await table.tidy(1120.0)
        assert len(await table.all()) == 1
        await table.tidy(1121.0)
        assert await table.all() == []

    loop.run(go)
