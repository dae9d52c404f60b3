"""An agent at work: connecting again, renewing, leaving."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock

from tests.support.agent_house import AgentHouse, Target
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.transports import End
from twisted_hoop.agent.known import KnownGateway
from twisted_hoop.agent.runner import Agent
from twisted_hoop.identity.ssh_private_keys import new_private_key
from twisted_hoop.testing.agents import FakeAgentCredentials


@pytest.fixture
def house(loop: Loop, tmp_path: Path) -> Iterator[AgentHouse]:
    house = AgentHouse(loop, tmp_path)
    house.open()
    yield house
    house.close()


def test_it_comes_back(house: AgentHouse) -> None:
    house.agent()
    house.joined()
    house.loop.run(lambda: next(iter(house.hub.links())).end("go"))
    wait_for(lambda: sum(t[0] == "connected" for t in house.door.told) >= 2, "it to come back")
    house.joined()


def test_it_waits_longer_each_time_and_never_as_long_as_another(house: AgentHouse) -> None:
    plan = house.plan("office")
    agent = Agent(Clock(), plan, 30.0, chance=lambda: 1.0)
    waits = [agent._wait() for _ in range(9)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert Agent(Clock(), plan, 30.0, chance=lambda: 0.0)._wait() == 0.25


def test_it_keeps_trying_while_nobody_is_there(house: AgentHouse) -> None:
    port = house.port
    house.shut()
    agent = house.agent()
    wait_for(lambda: house.loop.run(lambda: agent._tries) > 2, "some tries")
    house.open(port)
    house.joined()
    wait_for(lambda: agent.connected, "its own side to know")


def test_a_certificate_is_asked_for_at_once_and_in_time(house: AgentHouse) -> None:
    credentials = FakeAgentCredentials("office-token", "ssh-ed25519 AAAA")
    house.door.certificates = ["first", "second"]
    house.agent(credentials=credentials)
    wait_for(lambda: credentials.kept == ["first"], "the first certificate")
    house.joined()
    credentials.due = 1.0
    wait_for(lambda: credentials.kept == ["first", "second"], "the second")
    assert house.links("office") == 1


def test_who_has_tokens_only_connects_anew_with_the_next(house: AgentHouse, loop: Loop) -> None:
    target = Target(loop, End)
    credentials = FakeAgentCredentials("office-token")
    house.agent(credentials=credentials)
    house.joined()
    near = house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)
    far = target.end()
    credentials.due = 1.0
    wait_for(lambda: sum(each[0] == "connected" for each in house.door.told) >= 2, "the follower")
    credentials.due = None
    house.joined()
    house.loop.run(lambda: far.transport.write(b"still here"))
    house.loop.run(lambda: near.got(10))
    house.loop.run(near.transport.loseConnection)
    wait_for(lambda: any(each[0] == "disconnected" for each in house.door.told), "the old one to leave")
    house.joined()
    target.close()


def test_a_tls_that_carried_enough_is_replaced_and_its_streams_go_on(house: AgentHouse, loop: Loop) -> None:
    target = Target(loop, End)
    agent = house.agent()
    house.joined()
    near = house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)
    far = target.end()
    [first] = wait_for(lambda: list(agent._attached), "the agent to know it")
    first.most = 100_000
    house.loop.run(lambda: near.transport.write(b"x" * 60_000))
    house.loop.run(lambda: far.transport.write(b"y" * 60_000))
    wait_for(lambda: sum(each[0] == "connected" for each in house.door.told) == 2, "the follower")
    assert first.transport.carried_bare > 120_000
    house.joined()
    house.loop.run(lambda: far.transport.write(b"still here"))
    house.loop.run(lambda: near.got(60_010))
    house.loop.run(near.transport.loseConnection)
    wait_for(lambda: any(each[0] == "disconnected" for each in house.door.told), "the old one to leave")
    house.joined()
    target.close()


def test_it_leaves_in_order(house: AgentHouse, loop: Loop) -> None:
    """New streams go elsewhere at once; the one there is may go on, for a while."""
    target = Target(loop, End)
    agent = house.agent()
    house.joined()
    wait_for(lambda: agent._attached, "the agent to know that it is there, and to have kept the gateway's keys")
    near = house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)
    far = target.end()
    house.agents.remove(agent)
    ended = house.loop.run(lambda: [ensureDeferred(agent.stop(20.0))])[0]
    house.joined(count=0)
    house.loop.run(lambda: far.transport.write(b"goodbye"))
    house.loop.run(lambda: near.got(7))
    house.loop.run(near.transport.loseConnection)
    house.loop.run(lambda: ended)
    wait_for(lambda: house.door.told[-1][0] == "disconnected", "the end")
    target.close()


def test_S17_another_gateway_is_not_believed(house: AgentHouse, tmp_path: Path) -> None:
    """S17: one that TLS lets through, with another host key than the one that is known."""
    agent = house.agent(known=KnownGateway([new_private_key().public.line]))
    wait_for(lambda: house.loop.run(lambda: agent._tries) > 1, "some tries")
    assert not agent.connected and house.door.told == []
