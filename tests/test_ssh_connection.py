"""twisted_hoop.ssh.connection: channels opened both ways, global requests, and what is no message of either."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from tests.support.ssh import Pair, Talker, connected
from twisted_hoop.ssh.events import CONNECT_FAILED, RESOURCE_SHORTAGE, Close, Data, Opened, OpenFailed
from twisted_hoop.ssh.fields import string, uint32
from twisted_hoop.ssh.limits import Limits


def outcome(waiting: Any) -> list[Any]:
    """What an awaitable of ours gave so far."""
    found: list[Any] = []
    assert isinstance(waiting, Deferred)
    waiting.addCallback(found.append)
    return found


# -- opening ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("from_client", [True, False])
def test_a_channel_either_way(from_client: bool) -> None:
    pair = connected()
    asking, asked = (pair.client, pair.server) if from_client else (pair.server, pair.client)
    here = asking.open(b"direct-tcpip", string(b"db-1") + uint32(22))
    pair.pump()
    assert [(o.kind, o.data) for o in asked.openings] == [(b"direct-tcpip", string(b"db-1") + uint32(22))]
    there = Talker()
    there.channel = asked.openings[0].accept(there, b"more")
    pair.pump()
    assert here.events == [Opened(b"more")]
    here.send(Data(0, b"ping"))
    there.send(Data(0, b"pong"))
    pair.pump()
    assert (here.data(), there.data()) == (b"pong", b"ping")


def test_a_channel_that_is_refused_later() -> None:
    pair = connected()
    here = pair.client.open(b"x11")
    pair.pump()
    assert here.events == []
    pair.server.openings[0].refuse(1, "not by rule “none” \U0001f6ab")
    pair.pump()
    assert here.events == [OpenFailed(1, "not by rule “none” \U0001f6ab".encode().decode())]
    assert here.losses == 1
    assert pair.server.connection._theirs == 0


def test_an_opening_is_answered_once() -> None:
    pair = connected()
    pair.client.open()
    pair.pump().server.accept()
    with pytest.raises(RuntimeError):
        pair.server.openings[0].refuse(1, "")
    with pytest.raises(RuntimeError):
        pair.server.accept()


def test_an_opening_answered_when_the_connection_is_gone() -> None:
    pair = connected()
    pair.client.open(), pair.client.open()
    pair.pump()
    pair.client_wire.lost()
    pair.pump()
    there = pair.server.accept(0)
    pair.server.openings[1].refuse(1, "late")
    there.send(Data(0, b"to nobody"))
    assert there.losses == 1
    assert there.channel.queued == 0


def test_channels_are_bounded_open_or_being_opened() -> None:
    pair = connected(server_limits=Limits(channels=3))
    here = [pair.client.open() for _ in range(4)]
    pair.pump()
    assert here[3].events == [OpenFailed(RESOURCE_SHORTAGE, "too many channels")]
    there = [pair.server.accept(n) for n in range(3)]
    pair.pump()
    here[0].send(Close()), there[0].send(Close())
    pair.pump()
    again = [pair.client.open() for _ in range(2)]
    pair.pump()
    assert len(pair.server.openings) == 4
    assert again[1].events == [OpenFailed(RESOURCE_SHORTAGE, "too many channels")]


def raw_open(pair: Pair, packet: int, window: int = 1 << 20) -> None:
    pair.client_end.sendPacket(90, string(b"session") + uint32(7) + uint32(window) + uint32(packet))
    pair.pump()


@pytest.mark.parametrize("packet", [0, 1, 255])
def test_a_packet_size_at_which_nothing_could_leave_is_refused(packet: int) -> None:
    """S9; twisted#12734 loops for ever at 0."""
    pair = connected()
    sent: list[tuple[int, bytes]] = []
    pair.client.connection.packetReceived = lambda number, payload: sent.append((number, payload))
    raw_open(pair, packet)
    assert pair.server.openings == []
    assert sent[0][0] == 92
    assert sent[0][1].startswith(uint32(7) + uint32(CONNECT_FAILED))


@pytest.mark.parametrize(("packet", "most"), [(256, 256), (40_000, 32768), (2**32 - 1, 32768)])
def test_a_packet_size_is_obeyed_and_never_more_than_ours(packet: int, most: int) -> None:
    pair = connected()
    raw_open(pair, packet, window=2**32 - 1)
    there = pair.server.accept()
    sizes: list[int] = []
    pair.server_end.send_data = lambda head, data: sizes.append(len(data))  # type: ignore[method-assign]
    there.send(Data(0, bytes(100_000)))
    assert sum(sizes) == 100_000
    assert max(sizes) == most


@pytest.mark.parametrize("packet", [0, 255])
def test_a_confirmation_with_such_a_packet_size_is_a_fault(packet: int) -> None:
    pair = connected()
    here = pair.client.open()
    pair.pump()
    pair.server_end.sendPacket(91, uint32(here.channel.number) + uint32(0) + uint32(1000) + uint32(packet))
    pair.pump()
    assert pair.client_end.ended
    assert (here.events, here.losses) == ([], 1)


@pytest.mark.parametrize("number", [91, 92])
def test_an_answer_to_nothing_is_a_fault(number: int) -> None:
    pair = connected()
    pair.server_end.sendPacket(number, uint32(0) + uint32(0) + uint32(1000) + uint32(1000))
    pair.pump()
    assert pair.client_end.ended


def test_a_channel_is_confirmed_once() -> None:
    pair = connected()
    here = pair.client.open()
    pair.pump().server.accept()
    pair.pump()
    pair.server_end.sendPacket(91, uint32(here.channel.number) + uint32(0) + uint32(1000) + uint32(1000))
    pair.pump()
    assert pair.client_end.ended


@pytest.mark.parametrize("number", [93, 94, 95, 96, 97, 98, 99, 100])
@pytest.mark.parametrize("opening", [True, False])
def test_messages_for_channels_that_are_not_there(number: int, opening: bool) -> None:
    """Neither asked for, nor open yet: not one of ours that is over."""
    pair = connected()
    if opening:
        pair.server.open()
    rest = {93: uint32(1), 94: string(b"x"), 95: uint32(1) + string(b"x"), 98: string(b"exec") + b"\1"}
    pair.client_end.sendPacket(number, uint32(0) + rest.get(number, b""))
    pair.pump()
    assert pair.server_end.ended


def test_numbers_are_not_used_again() -> None:
    pair = connected()
    numbers = []
    for _ in range(3):
        here = pair.client.open()
        there = pair.pump().server.accept()
        numbers.append((here.channel.number, there.channel.number))
        here.send(Close()), there.send(Close())
        pair.pump()
    assert numbers == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize("cut", [1, 5])
@pytest.mark.parametrize("stream", [0, 1])
def test_data_of_another_length_than_it_says(stream: int, cut: int) -> None:
    pair = connected()
    here = pair.client.open()
    there = pair.pump().server.accept()
    pair.pump()
    number = 95 if stream else 94
    payload = uint32(here.channel._remote) + (uint32(1) if stream else b"") + string(b"12345")
    pair.client_end.sendPacket(number, payload[:-cut])
    pair.pump()
    assert pair.server_end.ended
    assert there.events == []


def test_extended_data_of_an_unknown_kind_is_a_fault() -> None:
    pair = connected()
    here = pair.client.open()
    pair.pump().server.accept()
    pair.pump()
    pair.client_end.sendPacket(95, uint32(here.channel._remote) + uint32(2) + string(b"x"))
    pair.pump()
    assert pair.server_end.ended


# -- global requests ----------------------------------------------------------------------------------------------


def test_a_request_and_its_answer_either_way() -> None:
    pair = connected()
    asked = outcome(pair.client.connection.request(b"tcpip-forward", string(b"") + uint32(0), True))
    told = outcome(pair.server.connection.request(b"hostkeys-00@openssh.com", b"keys", False))
    pair.pump()
    assert told == [(True, b"")]
    request, *_ = pair.server.requests
    assert (request.name, request.data, request.want_reply) == (b"tcpip-forward", string(b"") + uint32(0), True)
    assert [r.name for r in pair.client.requests] == [b"hostkeys-00@openssh.com"]
    pair.client.requests[0].reply(True)
    request.reply(True, uint32(2222))
    pair.pump()
    assert asked == [(True, uint32(2222))]


def test_answers_leave_in_the_order_of_the_requests() -> None:
    """S16: keep-alives are answered here, in their turn."""
    pair = connected()
    names = (b"one", b"keepalive@openssh.com", b"two")
    asked = [outcome(pair.client.connection.request(name, b"", True)) for name in names]
    pair.pump()
    first, second = pair.server.requests
    assert (first.name, second.name) == (b"one", b"two")
    second.reply(True, b"2")
    pair.pump()
    assert asked == [[], [], []]
    first.reply(False, b"not sent")
    pair.pump()
    assert asked == [[(False, b"")], [(False, b"")], [(True, b"2")]]


def test_requests_that_wait_are_bounded() -> None:
    """S9."""
    pair = connected(server_limits=Limits(requests=4))
    for _ in range(5):
        pair.client.connection.request(b"tcpip-forward", b"", True)
    pair.pump()
    assert pair.server_end.ended


@pytest.mark.parametrize("number", [81, 82])
def test_a_reply_to_nothing_is_a_fault(number: int) -> None:
    pair = connected()
    pair.server_end.sendPacket(number, b"")
    pair.pump()
    assert pair.client_end.ended


def test_the_end_answers_whoever_waits() -> None:
    pair = connected()
    waiting = outcome(pair.client.connection.request(b"x", b"", True))
    here = pair.client.open()
    pair.pump()
    pair.server.connection.disconnect(11, "the gateway stops")
    pair.pump()
    assert waiting == [(False, b"")]
    assert here.losses == 1
    assert pair.client.lost_because == ["the other side ended it (11): the gateway stops"]
    assert pair.server.lost_because == ["the gateway stops"]
    assert outcome(pair.client.connection.request(b"x", b"", True)) == [(False, b"")]
    late = pair.client.open()
    assert late.losses == 1


def test_a_channel_whose_handler_fails_at_the_end_keeps_nobody_from_hearing() -> None:
    """R15."""
    pair = connected()
    first, second = pair.client.open(), pair.client.open()

    def fail() -> None:
        raise ZeroDivisionError

    first.lost = fail  # type: ignore[method-assign]
    pair.client_wire.lost()
    assert second.losses == 1
    assert len(pair.client.lost_because) == 1
