"""Streams of an agent as transports: the contract that protocols of targets rely on, over a real connection."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone

from tests.support.agent_house import AgentHouse, Target
from tests.support.gateway import wait_for
from tests.support.transports import End, HalfEnd, Producer, TlsEnd
from twisted_hoop.errors import ProtocolError
from twisted_hoop.transport import client_context, server_context


@pytest.fixture(scope="module")
def house(loop: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentHouse]:
    house = AgentHouse(loop, tmp_path_factory.mktemp("house"))
    house.open()
    house.agent()
    house.joined()
    yield house
    house.close()


@pytest.fixture
def target(loop: Any) -> Iterator[Target]:
    target = Target(loop, HalfEnd)
    yield target
    target.close()


def joined(house: AgentHouse, target: Target, make: Any = End) -> tuple[Any, Any]:
    """Both ends of a stream."""
    near = house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", make)
    return near, target.end()


def over(house: AgentHouse) -> None:
    """Every stream ended, on both sides."""
    wait_for(lambda: house.loop.run(lambda: house.hub.streams) == 0, "the gateway's streams to end")
    wait_for(lambda: house.loop.run(lambda: sum(a.streams for a in house.agents)) == 0, "the agent's streams to end")


def test_bytes_go_both_ways_and_the_end_behind_them(house: AgentHouse, target: Target, loop: Any) -> None:
    near, far = joined(house, target)
    data = os.urandom(2_500_000)
    loop.run(lambda: near.transport.write(data))
    loop.run(lambda: near.transport.loseConnection())
    loop.run(lambda: far.got(len(data)))
    assert bytes(far.data) == data
    assert loop.run(near.ended).check(ConnectionDone)
    wait_for(lambda: "read-lost" in far.events, "the end")
    loop.run(far.transport.loseConnection)
    over(house)


def test_what_the_target_said_last_arrives(house: AgentHouse, target: Target, loop: Any) -> None:
    near, far = joined(house, target)
    loop.run(near.transport.pauseProducing)

    def last_words() -> None:
        far.transport.write(b"z" * 300_000)
        far.transport.loseConnection()

    loop.run(last_words)
    wait_for(lambda: "lost" in far.events, "the target's end")
    assert len(near.data) < 300_000
    loop.run(near.transport.resumeProducing)
    loop.run(lambda: near.got(300_000))
    loop.run(near.ended)
    over(house)


def test_half_closes_pass_both_ways(house: AgentHouse, target: Target, loop: Any) -> None:
    near, far = joined(house, target, HalfEnd)
    loop.run(near.transport.loseWriteConnection)
    wait_for(lambda: "read-lost" in far.events, "the near end's half close")
    loop.run(lambda: far.transport.write(b"still here"))
    loop.run(lambda: near.got(10))
    loop.run(far.transport.loseConnection)
    wait_for(lambda: "read-lost" in near.events, "the far end's close")
    loop.run(near.transport.loseConnection)
    over(house)


def test_an_abort_is_an_abort(house: AgentHouse, target: Target, loop: Any) -> None:
    near, far = joined(house, target)
    loop.run(near.transport.abortConnection)
    loop.run(near.ended)
    wait_for(lambda: "lost" in far.events, "the reset")
    assert "read-lost" not in far.events
    over(house)


def test_a_protocol_that_fails_ends_its_stream_only(house: AgentHouse, target: Target, loop: Any) -> None:
    near, far = joined(house, target)

    def bad(data: bytes) -> None:
        raise RuntimeError("a bug of a protocol")

    near.on_data = bad
    loop.run(lambda: far.transport.write(b"x"))
    wait_for(lambda: "lost" in near.events, "its end")
    over(house)
    assert house.links("office") == 1


def test_S9_a_stopped_stream_is_bounded_and_stalls_no_other(house: AgentHouse, target: Target, loop: Any) -> None:
    """S9: one reader stops with 50 MB on the way; memory holds its window; another stream goes on."""
    stopped, far = joined(house, target)
    loop.run(stopped.transport.pauseProducing)
    for _ in range(50):
        loop.run(lambda: far.transport.write(b"x" * 1_000_000))
    quick = house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)
    other = wait_for(lambda: target.ends[1:2], "the second")[0]
    loop.run(lambda: other.transport.write(b"y" * 3_000_000))
    loop.run(lambda: quick.got(3_000_000))
    held = loop.run(lambda: sum(len(each) for each in stopped.transport._waiting if each))
    assert held <= 1 << 20
    loop.run(stopped.transport.resumeProducing)
    loop.run(lambda: stopped.got(50_000_000))
    for end in (stopped, quick):
        loop.run(end.transport.loseConnection)
    for end in (far, other):
        loop.run(end.transport.loseConnection)
    over(house)


def test_S9_a_target_that_does_not_read_holds_the_writer_back(house: AgentHouse, target: Target, loop: Any) -> None:
    """S9: the producer is told to stop, and to go on."""
    near, far = joined(house, target)
    producer = Producer()
    told = producer.told
    loop.run(far.transport.pauseProducing)
    loop.run(lambda: near.transport.registerProducer(producer, True))
    for _ in range(20):
        loop.run(lambda: near.transport.write(b"x" * 1_000_000))
    assert told[-1] == "stop"
    loop.run(far.transport.resumeProducing)
    loop.run(lambda: far.got(20_000_000))
    wait_for(lambda: told[-1] == "go", "leave to go on")
    loop.run(near.transport.unregisterProducer)
    loop.run(near.transport.loseConnection)
    loop.run(far.transport.loseConnection)
    over(house)


def test_tls_inside(house: AgentHouse, loop: Any, tmp_path: Path) -> None:
    files = house.certificates
    context = server_context(files.cert, files.key, ("one",))

    def make() -> TlsEnd:
        end = TlsEnd()
        end.context = context
        return end

    target = Target(loop, make)
    near = house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)

    async def start() -> None:
        near.transport.start_tls(client_context("verify-full", files.ca, alpn=("one",)), False, "localhost")
        near.transport.write(b"early")
        await near.transport.handshake()

    loop.run(start)
    assert near.transport.tls.selected_alpn == "one" and near.transport.tls.peer_certificate
    far = target.end()
    loop.run(lambda: far.got(5))
    for _ in range(30):
        loop.run(lambda: far.transport.write(b"x" * 100_000))
    loop.run(lambda: near.got(3_000_000))
    loop.run(near.transport.pauseProducing)
    loop.run(lambda: far.transport.write(b"y" * 1_000_000))
    loop.run(near.transport.resumeProducing)
    loop.run(lambda: near.got(4_000_000))
    assert near.data.count(b"y") == 1_000_000
    loop.run(lambda: near.transport.write(b"bye"))
    loop.run(near.transport.loseConnection)
    loop.run(lambda: far.got(8))
    loop.run(far.ended)
    over(house)
    target.close()


def test_tls_that_fails_says_why(house: AgentHouse, target: Target, loop: Any) -> None:
    near, far = joined(house, target)

    async def start() -> None:
        near.transport.start_tls(client_context("verify-full", house.certificates.ca), False, "localhost")
        far.transport.write(b"this is no TLS at all, is it?")
        await near.transport.handshake()

    with pytest.raises(ProtocolError, match="TLS handshake failed"):
        loop.run(start)
    loop.run(near.ended)
    over(house)


def test_P1_bytes_in_the_clear_before_tls_are_not_believed(house: AgentHouse, target: Target, loop: Any) -> None:
    """P1: what a target, or an agent, said before TLS."""
    near, _far = joined(house, target)
    context = client_context("verify-full", house.certificates.ca)
    with pytest.raises(ProtocolError, match="in the clear"):
        loop.run(lambda: near.transport.start_tls(context, False, "localhost", b"x"))
    with pytest.raises(RuntimeError):
        loop.run(lambda: near.transport.start_tls(context, True))
    loop.run(near.transport.abortConnection)
    loop.run(near.ended)
    over(house)


def test_a_thousand_streams_on_one_agent(house: AgentHouse, loop: Any) -> None:
    target = Target(loop, Echo)
    ends = [house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End) for _ in range(1000)]
    assert loop.run(lambda: house.hub.streams) == 1000

    async def all_of_them() -> None:
        for number, end in enumerate(ends):
            end.transport.write(b"%08d" % number)
        for end in ends:
            await end.got(8)

    loop.run(all_of_them)
    assert [bytes(end.data) for end in ends] == [b"%08d" % number for number in range(1000)]
    for end in ends:
        loop.run(end.transport.abortConnection)
    over(house)
    target.close()


class Echo(End):
    """Says what it hears."""

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[union-attr]
