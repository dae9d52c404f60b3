"""Streams by agents that are connected to another replica."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.peers import Pair, two_replicas
from twisted_hoop.agent.peers import pack_stream, parse_stream
from twisted_hoop.errors import AgentUnavailable
from twisted_hoop.store.replicas import Replicas
from twisted_hoop.transport.connect import TcpPlace, UnixPlace, Unreachable
from twisted_hoop.transport.names import Place


@pytest.fixture
def pair(loop: Loop, store_url: str, tmp_path: Path) -> Iterator[Pair]:
    with two_replicas(loop, store_url, tmp_path) as found:
        yield found


def test_a_stream_by_the_other_replicas_agent(pair: Pair) -> None:
    client = pair.two.connect(pair.echo)
    whole = bytes(range(256)) * 20_000  # several windows
    pair.loop.run(lambda: client.transport.write(whole))
    wait_for(lambda: len(client.data) == len(whole), "the whole echo")
    assert bytes(client.data) == whole
    assert [place.agent for place in pair.agent.asked] == ["office"] and pair.two.peers.streams == 1
    pair.loop.run(lambda: client.transport.loseConnection())
    wait_for(lambda: client.gone and pair.two.peers.streams == 0, "its end")


def test_many_streams_share_a_connection_and_one_that_stops_holds_up_no_other(pair: Pair) -> None:
    clients = [pair.two.connect(pair.echo) for _ in range(20)]
    stopped, others = clients[0], clients[1:]
    pair.loop.run(lambda: stopped.transport.pauseProducing())
    pair.loop.run(lambda: stopped.transport.write(b"x" * 8_000_000))
    for number, each in enumerate(others):
        pair.loop.run(lambda each=each, number=number: each.transport.write(b"%d" % number))
    wait_for(lambda: all(bytes(each.data) == b"%d" % n for n, each in enumerate(others)), "all others")
    assert not stopped.data and len(pair.two.peers._known) == 1
    pair.loop.run(lambda: stopped.transport.resumeProducing())
    wait_for(lambda: len(stopped.data) == 8_000_000, "the one that was stopped")


def test_why_it_does_not_work_is_told(pair: Pair) -> None:
    with pytest.raises(Unreachable, match=r"agent office: 127.0.0.1:1 is not on its allow-list"):
        pair.two.connect(1)
    with pytest.raises(Unreachable, match="agent lab: is not connected"):
        pair.two.connect(pair.echo, "lab")
    with pytest.raises(Unreachable, match="agent office: cannot be reached"):
        pair.two.connect(2)


def test_where_the_own_agent_fails_the_other_replicas_is_asked(pair: Pair) -> None:
    """But not where it refuses: what its allow-list does not name is not tried by another way round."""

    class Dying:
        streams = 0

        def __init__(self, refused: bool) -> None:
            self.refused = refused

        async def open(self, place: Place) -> None:
            raise AgentUnavailable("its connection was lost", self.refused)

    pair.two.hub._links["office"] = [Dying(False)]  # type: ignore[list-item]
    client = pair.two.connect(pair.echo)
    pair.loop.run(lambda: client.transport.write(b"hello"))
    wait_for(lambda: bytes(client.data) == b"hello", "the echo")
    pair.two.hub._links["office"] = [Dying(True)]  # type: ignore[list-item]
    with pytest.raises(Unreachable, match="its connection was lost"):
        pair.two.connect(pair.echo)


def test_it_is_not_passed_on_to_a_third(pair: Pair) -> None:
    """Where the agent has gone meanwhile, the other replica says so, and asks nobody else."""
    pair.one.hub._links.clear()
    with pytest.raises(Unreachable, match="agent office: is not connected"):
        pair.two.connect(pair.echo)


def test_streams_end_with_the_lease_of_either(pair: Pair) -> None:
    client = pair.two.connect(pair.echo)
    pair.loop.run(lambda: Replicas(pair.one.house.database).gone("replica-b"))
    pair.one.house.look()
    wait_for(lambda: client.gone, "the end of the stream")
    pair.two.lives()
    for side in (pair.one, pair.two):
        side.house.look()
    client = pair.two.connect(pair.echo)
    pair.loop.run(lambda: Replicas(pair.one.house.database).gone("replica-a"))
    pair.two.house.look()
    wait_for(lambda: client.gone, "the end of the stream")
    with pytest.raises(Unreachable, match="agent office: is not connected"):
        pair.two.connect(pair.echo)


def test_a_replica_that_is_not_there_is_told_of(pair: Pair) -> None:
    pair.loop.run(pair.one.listening.stop)
    with pytest.raises(Unreachable, match="agent office: the replica it is connected to cannot be reached"):
        pair.two.connect(pair.echo)


@pytest.mark.parametrize(
    "place",
    [
        Place(TcpPlace("db.internal", 5432), 30.0, None, "office"),
        Place(TcpPlace("2001:db8::1", 1), 0.5, None, "a"),
        Place(UnixPlace("/run/db.sock"), 1.0, None, "office"),
    ],
)
def test_what_is_asked_for_and_back(place: Place) -> None:
    assert parse_stream(pack_stream(place)) == place


@given(st.binary(max_size=300))
def test_any_bytes_are_a_place_or_value_error(data: bytes) -> None:
    try:
        found = parse_stream(data)
    except ValueError:
        return
    assert 0 < found.timeout <= 600
