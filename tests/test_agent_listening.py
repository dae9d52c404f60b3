"""The listener of agents: who may wait at the door, and who else may come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.address import IPv4Address

from tests.support.agent_house import AgentHouse
from tests.support.loop import Loop
from tests.support.rogue_agent import Rogue, rogue
from twisted_hoop.agent.doorstep import Doorstep
from twisted_hoop.agent.listening import REPLICAS, AgentListening
from twisted_hoop.errors import HoopError
from twisted_hoop.settings import GatewaySection, ListenerSection


@pytest.fixture
def house(loop: Loop, tmp_path: Path) -> Iterator[AgentHouse]:
    house = AgentHouse(loop, tmp_path)
    house.open()
    yield house
    house.close()


def test_S7_so_many_may_wait_and_no_more(house: AgentHouse) -> None:
    """S7: of one address, and of all together."""
    gateway = GatewaySection(preauth_connections=3, preauth_per_address=2)
    listening = AgentListening(house.loop.reactor, gateway, house.door, house.hub, house.authority, None)  # type: ignore[arg-type]
    factory = listening.factory(ListenerSection(name="a", protocol="agent", endpoint="tcp:0"), None)
    made = house.loop.run(lambda: [factory.buildProtocol(IPv4Address("TCP", host, 1)) for host in "aaabb"])
    assert [isinstance(each, Doorstep) for each in made] == [True, True, False, True, False]
    house.loop.run(lambda: [each.connectionLost() for each in made if each is not None])
    again = house.loop.run(lambda: factory.buildProtocol(IPv4Address("TCP", "a", 1)))
    assert again is not None
    house.loop.run(again.connectionLost)


def test_who_does_not_prove_itself_stays_out(house: AgentHouse) -> None:
    with pytest.raises(HoopError):
        rogue(house, token="wrong")
    assert house.door.told == [] and house.links("office") == 0


def test_others_than_agents_get_a_handler_of_their_own(house: AgentHouse) -> None:
    other = Rogue()
    house.listening.for_others = lambda identity, transport, peer: other if identity.name == "other" else None
    found = rogue(house, "other", "other-token", hello=b"")
    house.loop.run(lambda: other.started_now)
    assert house.links("other") == 0
    assert other.connection.transport.limits is REPLICAS
    house.loop.run(found.transport.loseConnection)
    rogue(house)
    house.joined()
