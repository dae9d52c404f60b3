"""One connection of an agent, on the gateway's side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.agent_house import AgentHouse
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.rogue_agent import rogue
from twisted_hoop.agent.link import FOULS, RENEWALS, Pulse
from twisted_hoop.agent.words import HELLO, LEAVES, RENEW, Hello, pack_hello, parse_lines
from twisted_hoop.errors import AgentUnavailable
from twisted_hoop.identity.ssh_wire import string
from twisted_hoop.transport.names import client_place


@pytest.fixture
def house(loop: Loop, tmp_path: Path) -> Iterator[AgentHouse]:
    house = AgentHouse(loop, tmp_path, Pulse(0.1, 60.0))
    house.open()
    yield house
    house.close()


@pytest.fixture
def impatient(loop: Loop, tmp_path: Path) -> Iterator[AgentHouse]:
    house = AgentHouse(loop, tmp_path, Pulse(0.1, 1.0))
    house.open()
    yield house
    house.close()


def test_what_the_door_is_told(house: AgentHouse) -> None:
    agent = rogue(house)
    house.joined()
    what, name, report = house.door.told[0]
    assert (what, name, report.version, report.offered) == ("connected", "office", "0", ("everything:*",))
    wait_for(lambda: any(each[0] == "heartbeat" for each in house.door.told), "a heartbeat")
    house.loop.run(agent.transport.loseConnection)
    wait_for(lambda: house.door.told[-1][0] == "disconnected", "the end")
    assert sum(each[0] == "disconnected" for each in house.door.told) == 1


def test_the_greeting_is_answered_by_keys(house: AgentHouse) -> None:
    agent = rogue(house, hello=b"")
    assert house.links("office") == 0
    ok, answer = house.loop.run(lambda: agent.connection.request(HELLO, pack_hello(Hello("1", ())), True))
    lines = (house.authority.host_key.public.line, house.authority.host_ca.line)
    assert ok and parse_lines(answer) == lines
    house.joined()


def test_who_does_not_greet_is_cut_off(impatient: AgentHouse) -> None:
    agent = rogue(impatient, hello=b"")
    wait_for(lambda: agent.reason, "the end")
    assert impatient.door.told == []


def test_certificates_are_asked_of_the_door(house: AgentHouse) -> None:
    agent = rogue(house)
    house.door.certificates = ["a certificate"] * 100
    ok, answer = house.loop.run(lambda: agent.connection.request(RENEW, string(b"ssh-ed25519 AAAA"), True))
    assert ok and parse_lines(answer) == ("a certificate",)
    for data in (b"", b"\0\0\0\x09short", string(b"x") + b"more", string(b"y" * 20000), string(b"\xff")):
        assert house.loop.run(lambda data=data: agent.connection.request(RENEW, data, True)) == (False, b"")
    for _ in range(RENEWALS):
        house.loop.run(lambda: agent.connection.request(RENEW, string(b"k"), True))
    assert house.loop.run(lambda: agent.connection.request(RENEW, string(b"k"), True)) == (False, b"")


def test_who_leaves_gets_no_new_streams(house: AgentHouse) -> None:
    agent = rogue(house)
    house.joined()
    house.loop.run(lambda: agent.connection.request(LEAVES, b"", False))
    wait_for(lambda: house.links("office") == 0, "leave taken")
    place = client_place("agent:office:tcp:127.0.0.1:1")
    assert place is not None
    with pytest.raises(AgentUnavailable, match="is not connected"):
        house.loop.run(lambda: house.hub.open(place))
    assert not agent.reason


def test_a_silent_agent_is_taken_for_dead(impatient: AgentHouse) -> None:
    agent = rogue(impatient)
    impatient.loop.run(agent.transport.transport.pauseProducing)
    wait_for(lambda: any(each[0] == "disconnected" for each in impatient.door.told), "its end")


def test_S12_what_agents_open_or_ask_for_is_refused(house: AgentHouse) -> None:
    """S12: by their names; and who goes on with it is cut off."""
    agent = rogue(house)
    for _ in range(FOULS - 1):
        answer = house.loop.run(lambda: agent.connection.request(b"tcpip-forward", b"", True))
        assert answer == (False, b"")
    house.loop.run(lambda: [agent.connection.request(b"tcpip-forward", b"", False)])
    wait_for(lambda: agent.reason, "the end")
