"""Rogue agents: what one that logged in as it should cannot do to the gateway, to other agents, to sessions."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent_house import AgentHouse, Target
from tests.support.gateway import wait_for
from tests.support.rogue_agent import Heard, Rogue, rogue
from tests.support.transports import End, Producer, TlsEnd
from twisted_hoop.agent.link import FOULS, WINDOW
from twisted_hoop.agent.words import Hello, pack_hello
from twisted_hoop.errors import HoopError, ProtocolError
from twisted_hoop.ssh.events import STDOUT, Data, OpenFailed
from twisted_hoop.ssh.fields import string, uint32
from twisted_hoop.transport import client_context, server_context
from twisted_hoop.transport.connect import Unreachable


@pytest.fixture
def house(loop: Any, tmp_path: Path) -> Iterator[AgentHouse]:
    house = AgentHouse(loop, tmp_path)
    house.open()
    yield house
    house.close()


@pytest.fixture
def target(loop: Any) -> Iterator[Target]:
    target = Target(loop, End)
    yield target
    target.close()


def others_work(house: AgentHouse, target: Target) -> None:
    """A good agent of another name serves on."""
    house.agent("other")
    house.joined("other")
    near = house.connect(f"agent:other:tcp:127.0.0.1:{target.number}", End)
    far = wait_for(lambda: target.ends[-1:], "a connection")[0]
    house.loop.run(lambda: far.transport.write(b"works"))
    house.loop.run(lambda: near.got(5))
    house.loop.run(near.transport.abortConnection)


@pytest.mark.parametrize(
    "kind", [b"session", b"direct-tcpip", b"forwarded-tcpip", b"x11", b"auth-agent@openssh.com", b"?"]
)
def test_S12_channels_an_agent_opens_are_refused(house: AgentHouse, target: Target, kind: bytes) -> None:
    """S12: of whatever kind; who goes on is cut off, and nobody else."""
    agent = rogue(house)
    heard = [Heard() for _ in range(FOULS)]
    place = string(b"127.0.0.1") + uint32(target.number) + string(b"") + uint32(0)
    for each in heard:
        house.loop.run(lambda each=each: [agent.connection.open(kind, place, each)])
    wait_for(lambda: agent.reason, "its end")
    assert all(isinstance(event, OpenFailed) for each in heard for event in each.events)
    assert target.ends == []
    others_work(house, target)


def test_S9_a_flood_beyond_the_window_ends_it(house: AgentHouse, target: Target) -> None:
    """S9: more than the window is a fault; memory does not grow with what it sends."""
    agent, near = _streaming(house)
    house.loop.run(near.transport.pauseProducing)
    channel = agent.channels[0]

    def flood() -> None:
        channel._room = 1 << 40  # an agent that keeps no account
        for _ in range(200):
            channel.send(Data(STDOUT, b"x" * 60_000))

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    house.loop.run(flood)
    wait_for(lambda: agent.reason, "its end")
    house.loop.run(near.ended)
    assert sum(map(len, [near.data])) <= WINDOW
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    others_work(house, target)


def test_S9_one_that_never_reads_holds_nobody_up(house: AgentHouse, target: Target) -> None:
    """S9: what is written to it waits, bounded by its window, and its writer is told to stop."""
    agent, near = _streaming(house)
    producer = Producer()
    told = producer.told
    house.loop.run(agent.transport.transport.pauseProducing)
    house.loop.run(lambda: near.transport.registerProducer(producer, True))

    def pour() -> int:
        count = 0
        while not told and count < 1000:
            near.transport.write(b"y" * 100_000)
            count += 1
        return count

    assert house.loop.run(pour) * 100_000 < 32 << 20
    assert told == ["stop"]
    others_work(house, target)


@pytest.mark.parametrize(
    "data",
    [b"\x00" * 64, b"\xff" * 64, b"SSH-2.0-again\r\n", uint32(0x7FFFFFFF) + b"x" * 100, uint32(1 << 20) + b"y" * 4096],
)
def test_S9_garbage_and_huge_packets_end_its_connection(house: AgentHouse, target: Target, data: bytes) -> None:
    """S9: nothing of it is believed, no length is allocated, and nobody else notices."""
    agent = rogue(house)
    house.joined()
    house.loop.run(lambda: agent.transport.transport.write(data))
    wait_for(lambda: house.links("office") == 0, "its end")
    others_work(house, target)


@pytest.mark.parametrize(
    "hello", [b"\xff" * 40, pack_hello(Hello("1", ())) + b"more", uint32(0) + uint32(0xFFFFFFFF), b"\0"]
)
def test_S19_a_greeting_that_cannot_be_read_is_no_agent(house: AgentHouse, hello: bytes) -> None:
    """S19: nothing of it reaches a log, a page or a list."""
    agent = rogue(house, hello=hello)
    wait_for(lambda: agent.reason, "its end")
    assert house.door.told == [] and house.links("office") == 0


def test_S7_I10_one_stolen_identity_has_so_many_connections_and_no_more(house: AgentHouse, target: Target) -> None:
    """S7, I10: whether they greet or not; the newest are refused, so that no stream of the true agent ends by them."""
    house.door.ident, house.door.most = "1" * 32, 3
    house.agent()
    house.joined()
    near = house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)
    thieves = [rogue(house, hello=None if number % 2 else b"") for number in range(2)]
    for number in range(12):
        late = rogue(house, hello=b"")
        wait_for(lambda late=late: late.reason, "its end")  # type: ignore[misc]
        assert "as many connections as it may have" in late.reason and house.hub.refused == number + 1
    far = target.end()
    house.loop.run(lambda: far.transport.write(b"goes on"))
    house.loop.run(lambda: near.got(7))
    assert not any(thief.reason for thief in thieves)
    house.loop.run(thieves[0].transport.loseConnection)
    wait_for(lambda: house.loop.run(lambda: len(house.hub._all)) == 2, "the end of one")
    again = rogue(house)
    assert not again.reason and house.hub.refused == 12
    house.door.ident = ""
    others_work(house, target)


def test_another_name_is_not_had_for_the_asking(house: AgentHouse) -> None:
    """The name is what the credential proves, not what is said."""
    with pytest.raises(HoopError):
        rogue(house, "other", "office-token")
    with pytest.raises(HoopError):
        rogue(house, "office\0other", "office-token")
    assert house.links("other") == 0 and house.links("office") == 0


def test_bytes_of_another_host_are_found_out_by_tls(house: AgentHouse, loop: Any) -> None:
    """An agent that leads a stream to a machine of its own gets no further than the handshake."""
    files = house.certificates
    evil = server_context(files.cert, files.key)  # good for localhost, and for nobody else

    def make() -> TlsEnd:
        end = TlsEnd()
        end.context = evil
        return end

    elsewhere = Target(loop, make)
    house.agent()
    house.joined()
    near = house.connect(f"agent:office:tcp:127.0.0.1:{elsewhere.number}", End)

    async def trusting() -> None:
        near.transport.start_tls(client_context("verify-full", files.ca), False, "db.internal")
        near.transport.write(b"the password of the target")
        await near.transport.handshake()

    with pytest.raises(ProtocolError, match="TLS handshake failed"):
        house.loop.run(trusting)
    house.loop.run(near.ended)
    assert b"password" not in bytes(elsewhere.end().data)
    elsewhere.close()


def test_S19_the_words_of_a_refusal_reach_nobodys_terminal(house: AgentHouse, target: Target) -> None:
    """S19: what an agent says is escaped and cut; nor is an agent of another name asked in its place."""
    agent = rogue(house)
    house.joined()
    house.agent("other")
    house.joined("other")
    waiting: list[Any] = []

    def answer() -> bool:
        for opening in agent.openings:
            opening.refuse(1, "no\x1b]0;owned\x07\r\nX-Evil: 1" + "z" * 5000)
        waiting.extend(agent.openings)
        agent.openings.clear()
        return bool(waiting)

    house.loop.reactor.callFromThread(lambda: _soon(house, answer))
    with pytest.raises(Unreachable) as caught:
        house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)
    told = str(caught.value)
    assert told.isprintable() and len(told) < 400 and told.startswith("agent office: no\\x1b")
    assert target.ends == []


def _soon(house: AgentHouse, call: Any) -> None:
    if not call():
        house.loop.reactor.callLater(0.02, _soon, house, call)


def _streaming(house: AgentHouse) -> tuple[Rogue, Any]:
    """A rogue that accepts the stream the gateway asks for."""
    agent = rogue(house)
    house.joined()

    def accept() -> bool:
        agent.channels += [opening.accept(Heard(), b"", 64 * 1024) for opening in agent.openings]
        return bool(agent.openings)

    house.loop.reactor.callFromThread(lambda: _soon(house, accept))
    return agent, house.connect("agent:office:tcp:127.0.0.1:1", End)
