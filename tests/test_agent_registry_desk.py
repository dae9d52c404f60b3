"""Agents as operators see them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.agents import OLGA, AgentHouse, agent_house, report_of, signed
from tests.support.loop import Loop
from twisted_hoop.model import AgentCredential
from twisted_hoop.news.word import AGENTS


@pytest.fixture
def house(loop: Loop, store_url: str) -> Iterator[AgentHouse]:
    made = agent_house(loop, store_url)
    yield made
    made.database.stop()


def test_what_is_shown_of_an_agent(house: AgentHouse) -> None:
    assert house.desk.names() == [
        {"name": "office", "join_tokens": True, "issuer": ""},
        {"name": "lab", "join_tokens": True, "issuer": ""},
    ]
    key, certificate = house.enrolled()
    identity = house.login("office", signed(key, certificate))
    house.loop.run(lambda: house.door.connected(identity, report_of(streams=2, sent=10, received=20)))
    [found] = house.loop.run(house.desk.all)
    assert found["name"] == "office" and found["fingerprint"] == key.public.fingerprint
    assert found["by_key"] == OLGA.key and found["until"] == certificate.valid_before and found["revoked"] == 0
    [connection] = found["connections"]
    assert connection["replica"] == "replica-a" and connection["streams"] == 2
    assert connection["offered"] == ["db.internal:5432"]
    assert house.loop.run(lambda: house.desk.one(identity.ident)) == found
    assert house.loop.run(lambda: house.desk.one("f" * 32)) is None


def test_a_revocation_holds_here_at_once_and_is_told(house: AgentHouse) -> None:
    key, certificate = house.enrolled()
    identity = house.login("office", signed(key, certificate))
    found = house.loop.run(lambda: house.desk.revoke(OLGA, identity.ident, "stolen"))
    assert found is not None and (found["revoked_by"], found["revoked_reason"]) == (OLGA.key, "stolen")
    assert not house.door.still_valid(identity)
    assert AGENTS in house.told and house.struck == ["struck"]
    assert house.loop.run(lambda: house.desk.revoke(OLGA, "f" * 32, "")) is None
    assert "f" * 32 not in house.registry.revoked


def test_one_that_joined_and_asked_for_nothing_has_no_key(house: AgentHouse) -> None:
    house.login("office", AgentCredential(house.token().token))
    [found] = house.loop.run(house.desk.all)
    assert found["fingerprint"] == "" and found["connections"] == []
