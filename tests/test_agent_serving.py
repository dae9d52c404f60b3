"""An agent before a gateway that asks for more than it should."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_house import AgentHouse, Target
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.rogue_agent import Heard
from tests.support.transports import End
from twisted_hoop.ssh.events import OpenFailed
from twisted_hoop.transport.connect import Unreachable


@pytest.fixture
def house(loop: Loop, tmp_path: Path) -> Iterator[AgentHouse]:
    house = AgentHouse(loop, tmp_path)
    house.open()
    yield house
    house.close()


def connection(house: AgentHouse) -> Any:
    """The gateway's side of the one agent's connection."""
    return house.loop.run(lambda: next(iter(house.hub.links()))._connection)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (b"session", b""),
        (b"x11", b""),
        (b"direct-tcpip", b"\xff" * 20),
        (b"direct-tcpip", b""),
        (b"auth-agent@openssh.com", b""),
        (b"direct-streamlocal@openssh.com", b"\0\0\0\x02\0\0" + bytes(8)),
    ],
)
def test_S12_an_agent_leads_to_places_and_does_nothing_else(house: AgentHouse, kind: bytes, data: bytes) -> None:
    """S12: no shells, no displays, no keys, whatever a gateway asks."""
    house.agent()
    house.joined()
    heard = Heard()
    found = connection(house)
    house.loop.run(lambda: [found.open(kind, data, heard)])
    wait_for(lambda: heard.events, "an answer")
    assert isinstance(heard.events[0], OpenFailed)
    assert house.loop.run(lambda: found.request(b"tcpip-forward", b"", True)) == (False, b"")
    assert house.links("office") == 1


def test_so_many_streams_and_no_more(house: AgentHouse, loop: Loop) -> None:
    target = Target(loop, End)
    house.agent(streams=3)
    house.joined()
    ends = [house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End) for _ in range(3)]
    with pytest.raises(Unreachable, match="has 3 streams already"):
        house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)
    house.loop.run(ends[0].transport.abortConnection)
    wait_for(lambda: house.loop.run(lambda: house.agents[0].streams) == 2, "a free place")
    house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)
    target.close()


def test_a_stream_that_is_given_up_while_it_is_dialled_leaves_nothing(house: AgentHouse) -> None:
    """To an address that never answers (RFC 5737)."""
    house.agent(allow=[{"host": "192.0.2.0/24", "ports": ["*"]}])
    house.joined()
    with pytest.raises(Unreachable):
        house.connect("agent:office:tcp:192.0.2.1:9:timeout=0.2", End)
    house.loop.run(lambda: next(iter(house.hub.links())).end("done"))
    wait_for(lambda: house.loop.run(lambda: house.agents[0].streams) == 0, "nothing left")


def test_a_gateway_that_falls_silent_is_left(house: AgentHouse) -> None:
    agent = house.agent(pulse=(0.1, 0.5))
    house.joined()
    link = house.loop.run(lambda: next(iter(house.hub.links())))
    house.loop.run(link._transport.transport.pauseProducing)
    wait_for(lambda: sum(each[0] == "connected" for each in house.door.told) > 1, "another connection")
    assert agent.streams == 0
    house.loop.run(link._transport.transport.abortConnection)
