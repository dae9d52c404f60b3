"""The agents that are connected, and the way to a target by one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.support.agent_house import AgentHouse, Quiet, Target
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.rogue_agent import rogue
from tests.support.transports import End
from twisted_hoop.transport import client_endpoint
from twisted_hoop.transport.connect import Unreachable
from twisted_hoop.transport.names import Place


@pytest.fixture
def house(loop: Loop, tmp_path: Path) -> Iterator[AgentHouse]:
    house = AgentHouse(loop, tmp_path)
    house.open()
    yield house
    house.close()


@pytest.fixture
def target(loop: Loop) -> Iterator[Target]:
    target = Target(loop, End)
    yield target
    target.close()


def loads(house: AgentHouse) -> list[int]:
    """Streams of each agent."""
    return sorted(house.loop.run(lambda: [link.streams for link in house.hub.links()]))


def test_agents_of_one_name_share_the_load(house: AgentHouse, target: Target) -> None:
    for _ in range(3):
        house.agent()
    house.joined(count=3)
    for _ in range(9):
        house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)
    assert loads(house) == [3, 3, 3]


def test_streams_of_a_dead_agent_end_and_new_ones_go_to_another(house: AgentHouse, target: Target) -> None:
    first = house.agent()
    house.joined()
    near = house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)
    house.agent()
    house.joined(count=2)
    attachment = next(iter(first._attached))
    house.loop.run(attachment.transport.transport.abortConnection)
    house.loop.run(near.ended)
    assert "lost" in near.events
    house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)


def test_the_next_agent_is_tried_when_one_dies_in_the_middle(house: AgentHouse, target: Target) -> None:
    dying = rogue(house)
    house.joined()
    house.agent()
    house.joined(count=2)
    dying_link = house.loop.run(lambda: next(link for link in house.hub.links() if link.report().version == "0"))

    async def both() -> Any:
        for link in house.hub.links():
            link.streams += link is not dying_link  # so that the one that dies is the least loaded
        opened = client_endpoint(
            house.loop.reactor, f"agent:office:tcp:127.0.0.1:{target.number}", house.hub.endpoint
        ).connect(Quiet.forProtocol(End))
        while not dying.openings:
            waited: Deferred[None] = Deferred()
            house.loop.reactor.callLater(0.02, waited.callback, None)
            await waited
        dying.transport.transport.abortConnection()
        return await opened

    assert house.loop.run(both).transport is not None
    assert len(dying.openings) == 1


def test_nobody_there(house: AgentHouse) -> None:
    with pytest.raises(Unreachable, match=r"^agent office: is not connected$"):
        house.connect("agent:office:tcp:127.0.0.1:1", End)


def test_refusals_and_faults_are_told_in_words(house: AgentHouse, target: Target) -> None:
    """S11: what the allow-list does not name, or what a name leads to."""
    house.agent(
        allow=[{"host": "127.0.0.1", "ports": [target.number, 1]}, {"host": "localhost.localdomain", "ports": [2]}]
    )
    house.joined()
    with pytest.raises(Unreachable, match=r"^agent office: db.internal:5432 is not on its allow-list$"):
        house.connect("agent:office:tcp:db.internal:5432", End)
    with pytest.raises(Unreachable, match=r"127.0.0.1:1 cannot be reached: ConnectionRefusedError"):
        house.connect("agent:office:tcp:127.0.0.1:1", End)
    with pytest.raises(Unreachable, match=r"unix:/run/docker.sock is not on its allow-list"):
        house.connect("agent:office:unix:/run/docker.sock", End)


def test_an_agent_that_never_answers(house: AgentHouse) -> None:
    agent = rogue(house)
    house.joined()
    with pytest.raises(Unreachable, match=r"was not reached within 0.2 seconds"):
        house.connect("agent:office:tcp:127.0.0.1:1:timeout=0.2", End)
    assert len(agent.openings) == 1 and loads(house) == [1]


def test_S9_one_that_never_answers_takes_no_others_time(house: AgentHouse, target: Target) -> None:
    """S9: of two agents of one name the stolen one is silent: the other still leads to the target."""
    silent = rogue(house)
    house.joined()
    house.agent()
    house.joined(count=2)
    house.connect(f"agent:office:tcp:127.0.0.1:{target.number}:timeout=4", End)
    assert len(silent.openings) == 1


def test_who_is_revoked_is_gone_at_once(house: AgentHouse, target: Target) -> None:
    """Within two seconds, and with every stream."""
    house.agent()
    house.joined()
    near = house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)
    house.door.revoked.add("office")
    house.door.tokens.clear()
    house.loop.run(near.ended)
    wait_for(lambda: house.links("office") == 0, "the end of the connection")


def test_another_replica_is_asked_when_nobody_is_here(house: AgentHouse) -> None:
    asked: list[Place] = []

    class Elsewhere:
        async def open(self, place: Place) -> None:
            asked.append(place)

    house.hub.elsewhere = Elsewhere()
    with pytest.raises(Unreachable):
        house.connect("agent:lab:tcp:127.0.0.1:1", End)
    assert asked[0].agent == "lab"
    assert not house.hub.has("lab") and house.hub.streams == 0
