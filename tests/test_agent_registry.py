"""Which agents are connected where, as replicas tell one another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.support.agents import AgentHouse, agent_house, report_of, second_replica, settings_of
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.model import AgentIdentity
from twisted_hoop.news.word import AGENTS
from twisted_hoop.store.replicas import Replicas

OFFICE = AgentIdentity("office", "1" * 32)
LAB = AgentIdentity("lab", "2" * 32)


@pytest.fixture
def house(loop: Loop, store_url: str) -> Iterator[AgentHouse]:
    made = agent_house(loop, store_url)
    yield made
    made.database.stop()


def idents(rows: list[Any]) -> list[tuple[str, str]]:
    return [(row.name, row.report.connection) for row in rows]


def test_a_connection_is_seen_at_the_other_replica_and_so_is_its_end(house: AgentHouse) -> None:
    other = second_replica(house)
    house.loop.run(lambda: house.registry.connected(OFFICE, report_of(1)))
    wait_for(lambda: AGENTS in house.told, "the word to the others")
    other.look()
    assert idents(other.registry.everywhere()) == [("office", "connection-1")]
    assert [peer.id for peer in other.registry.peers_with("office")] == ["replica-a"]
    assert other.registry.peers_with("lab") == [] and house.registry.peers_with("office") == []
    assert not other.registry.has(OFFICE.ident) and house.registry.has(OFFICE.ident)
    house.told.clear()
    house.loop.run(lambda: house.registry.disconnected(OFFICE, report_of(1)))
    wait_for(lambda: AGENTS in house.told, "the word to the others")
    other.look()
    assert other.registry.everywhere() == []


def test_the_least_loaded_replica_comes_first(house: AgentHouse) -> None:
    other, third = second_replica(house), second_replica(house, "replica-c")
    for number, (each, streams) in enumerate([(house, 5), (other, 2)]):
        row = report_of(number, streams=streams)
        each.loop.run(lambda each=each, row=row: each.registry.connected(OFFICE, row))
        wait_for(lambda each=each: AGENTS in each.told, "what was written")
    third.look()
    assert [peer.id for peer in third.registry.peers_with("office")] == ["replica-b", "replica-a"]
    peer = third.registry.peer("replica-a")
    assert peer is not None and peer.address == "unix:/replica-a"
    assert third.registry.peer("replica-c") is None and third.registry.peer("nobody") is None
    house.loop.run(lambda: Replicas(house.database).gone("replica-b"))
    third.look()
    assert [peer.id for peer in third.registry.peers_with("office")] == ["replica-a"]


def test_what_a_store_did_not_take_is_written_when_it_is_back(house: AgentHouse) -> None:
    engine, house.database._engine = house.database._engine, None
    house.loop.run(lambda: house.registry.connected(OFFICE, report_of(1)))
    wait_for(lambda: house.registry._changed and not house.registry._writing, "the write that failed")
    with pytest.raises(StoreUnavailable):
        house.loop.run(house.registry._write)
    house.loop.run(lambda: house.registry.heartbeat(LAB, report_of(2)))
    house.database._engine = engine

    def seen() -> bool:
        house.loop.run(house.registry._write_in_turn)
        house.look()
        return len(house.registry._seen.links) == 2

    wait_for(seen, "both rows")


def test_a_revocation_strikes_once_and_stays_while_the_store_is_away(house: AgentHouse) -> None:
    _, certificate = house.enrolled()
    other = second_replica(house)
    other.look()
    ident = certificate.key_id.split()[2]
    other.registry.revoke(ident)  # in its own process before anything is written
    assert ident in other.registry.revoked and other.struck == ["struck"]
    other.look()
    assert ident in other.registry.revoked
    house.loop.run(lambda: house.table.revoke(ident, "i|olga", "", 1.0))
    house.look()
    assert ident in house.registry.revoked and house.struck == ["struck"]
    house.look()
    other.look()
    assert house.struck == ["struck"] and other.struck == ["struck"]
    house.database._engine = None
    with pytest.raises(StoreUnavailable):
        house.look()
    assert ident in house.registry.revoked


def test_who_has_no_agents_does_not_ask_the_store(house: AgentHouse) -> None:
    house.settings = settings_of().model_copy(update={"agents": []})
    house.database._engine = None
    house.look()
    with pytest.raises(StoreUnavailable):
        house.loop.run(house.registry.start)  # but at the start


def test_words_bring_a_look_and_loops_end(house: AgentHouse) -> None:
    other = second_replica(house)
    house.loop.run(house.registry.start)
    house.loop.run(lambda: other.registry.connected(OFFICE, replace(report_of(7), streams=1)))
    wait_for(lambda: AGENTS in other.told, "what was written")
    for _ in range(3):
        house.loop.run(house.registry.look_soon)
    wait_for(lambda: house.registry.everywhere(), "the other's agent")
    house.loop.run(house.registry.stop)
    house.loop.run(other.registry.stop)
    house.look()
    assert house.registry.everywhere() == []
    assert not any(loop.running for loop, _ in house.registry._loops)


def test_what_is_over_for_long_is_deleted(house: AgentHouse) -> None:
    house.enrolled()
    house.loop.run(house.registry._tidy)
    assert len(house.loop.run(house.desk.all)) == 1
    house.time.seconds += 40 * 86400
    house.loop.run(house.registry._tidy)
    assert house.loop.run(house.desk.all) == []
