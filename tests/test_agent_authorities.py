"""Replicas that have different authorities for agents notice it, and say so where it is felt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs

from tests.support.agents import AgentHouse, agent_house, second_replica, signed
from tests.support.loop import Loop
from twisted_hoop.agent.authorities import TODO, Authorities, named_in, naming, replica_with
from twisted_hoop.agent.trust import AgentAuthority
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.ssh_keys import parse_line
from twisted_hoop.identity.ssh_private_keys import new_private_key


@pytest.fixture
def house(loop: Loop, store_url: str) -> Iterator[AgentHouse]:
    made = agent_house(loop, store_url)
    yield made
    made.database.stop()


@pytest.fixture
def told() -> Iterator[list[Any]]:
    """What is logged meanwhile."""
    with capturedLogs() as found:
        yield found


def stranger(house: AgentHouse) -> AgentHouse:
    """A replica that made an authority of its own."""
    other = AgentHouse(
        house.loop,
        house.database,
        house.settings,
        AgentAuthority(new_private_key(), house.time),
        house.time,
        "replica-x",
    )
    return other.lives()


def test_a_line_says_which_authority_and_is_still_a_key() -> None:
    key, authority = new_private_key().public, new_private_key().public
    line = naming(key.line, authority)
    assert named_in(line) == authority.fingerprint and parse_line(line).blob == key.blob
    assert named_in(key.line) == ""


@given(st.text())
def test_any_line_says_a_fingerprint_or_nothing(line: str) -> None:
    assert named_in(line) == "" or named_in(line).startswith("SHA256:")


def test_those_that_are_alike_are_no_news(house: AgentHouse, told: list[Any]) -> None:
    second_replica(house)
    authorities = Authorities(house.registry, house.authority.public)
    house.look()
    authorities.look()
    assert authorities.differing == frozenset() and not [each for each in told if "replica" in each]


def test_another_authority_is_told_once_and_again_after_it_was_mended(house: AgentHouse, told: list[Any]) -> None:
    authorities = Authorities(house.registry, house.authority.public)
    other = stranger(house)
    for _ in range(3):
        house.look()
        authorities.look()
    assert authorities.differing == {"replica-x"}
    other.authority = house.authority
    other.lives()
    house.look()
    authorities.look()
    assert authorities.differing == frozenset()
    stranger(house)
    house.look()
    authorities.look()
    errors = [each for each in told if each.get("replica") == "replica-x"]
    assert len(errors) == 2 and errors[0]["ours"] != errors[0]["theirs"] and errors[0]["todo"] == TODO


def test_S6_a_certificate_of_another_replica_is_refused_with_what_to_do(house: AgentHouse) -> None:
    """S6: it is refused as any that we did not sign; that it is our own mistake stands in the log alone."""
    other = stranger(house)
    key, certificate = other.enrolled()
    house.look()
    assert replica_with(house.registry, certificate.authority) == "replica-x"
    with pytest.raises(AuthenticationFailed, match=r"authority of replica replica-x.*same \[ssh\] agent_ca") as caught:
        house.login("office", signed(key, certificate))
    assert caught.value.public == "authentication failed"
    assert replica_with(house.registry, new_private_key().public) == ""
