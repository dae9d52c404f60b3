"""twisted_hoop.ssh.packets: packets in any pieces, packets that are none, and the end of a connection."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh import Pair, bytewise, connected
from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.ciphers import Plain
from twisted_hoop.ssh.events import Data, Request
from twisted_hoop.ssh.fields import Reader, string, uint32
from twisted_hoop.ssh.limits import Limits

HELLO = b"SSH-2.0-test\r\n"


def greeted(limits: Limits | None = None) -> Pair:
    """A server whose client said who it is and nothing more; its own words are thrown away."""
    pair = Pair(server_limits=limits).start()
    pair.server_end.dataReceived(HELLO)
    pair.server_wire.sent.clear()
    return pair


def farewell(pair: Pair) -> tuple[int, str]:
    """Code and text of the DISCONNECT a server sent in clear."""
    view = memoryview(bytes(pair.server_wire.sent))
    plain = Plain().open(0, view, Plain().length(0, view))
    reader = Reader(plain[1 : len(plain) - plain[0]])
    assert reader.byte() == 1
    return reader.uint32(), reader.text()


@given(seed=st.integers(0, 2**32), sizes=st.lists(st.integers(1, 70_000), min_size=1, max_size=4))
def test_content_is_the_same_however_the_bytes_arrive(seed: int, sizes: list[int]) -> None:
    dice = random.Random(seed)

    def cut(data: bytes) -> list[bytes]:
        places = sorted(dice.randrange(len(data) + 1) for _ in range(dice.randrange(6)))
        return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True) if a < b]

    pair = connected(cut)
    here = pair.client.open()
    there = pair.pump().server.accept()
    content = [dice.randbytes(size) for size in sizes]
    for each in content:
        here.send(Data(0, each))
        pair.pump()
    assert there.data() == b"".join(content)


def test_byte_by_byte() -> None:
    pair = connected(bytewise)
    here = pair.client.open()
    there = pair.pump().server.accept()
    here.send(Data(0, b"x" * 40_000))
    here.send(Request(b"exec", string(b"true"), False))
    pair.pump()
    assert there.data() == b"x" * 40_000
    assert there.others() == [Request(b"exec", string(b"true"), False)]


@pytest.mark.parametrize("length", [0, 1, 2, 4, 5, 11, 2**17 + 4, 2**31, 2**31 + 4, 2**32 - 1])
def test_a_length_that_cannot_be(length: int) -> None:
    pair = greeted()
    pair.server_end.dataReceived(struct.pack(">L", length) + bytes(12))
    assert pair.server_end.ended
    assert farewell(pair)[0] == 2


@pytest.mark.parametrize("padding", [0, 1, 3, 12, 255])
def test_a_padding_that_cannot_be(padding: int) -> None:
    pair = greeted()
    pair.server_end.dataReceived(struct.pack(">LB", 12, padding) + bytes(11))
    assert pair.server_end.ended


def test_packets_are_shorter_before_the_login_than_after_it() -> None:
    limits = Limits(packet_before=1024, packet_after=4096, packet=2048)
    pair = greeted(limits)
    pair.server_end.dataReceived(struct.pack(">L", 1028))
    assert pair.server_end.ended
    pair = connected(limits=Limits(packet_after=4096))
    pair.client_end.sendPacket(2, string(bytes(3000)))
    pair.pump()
    assert not pair.server_end.ended
    pair.client_end.sendPacket(2, string(bytes(5000)))
    pair.pump()
    assert pair.server_end.ended


def test_a_packet_that_was_touched_ends_the_connection_and_nothing_of_it_is_believed() -> None:
    pair = connected()
    here = pair.client.open()
    there = pair.pump().server.accept()
    pair.pump()
    here.send(Data(0, b"the truth"))
    pair.client_wire.sent[20] ^= 1
    pair.pump()
    assert there.events == []
    assert there.losses == 1
    assert pair.server.lost_because == ["a packet is not what was sent"]


def test_a_number_nobody_knows_is_answered_with_that_packets_sequence_number() -> None:
    """RFC 4253, section 11.4."""
    pair = connected()
    seen: list[bytes] = []
    pair.client_end.ssh_IGNORE = seen.append  # type: ignore[method-assign]
    sequence = pair.client_end.outgoingPacketSequence
    pair.client_end.sendPacket(192, b"ping")
    pair.pump()
    assert seen == [uint32(sequence)]
    assert not pair.server_end.ended


def test_an_exception_of_a_handler_ends_its_connection_and_no_other() -> None:
    """R15."""
    broken, healthy = connected(), connected()
    here = broken.client.open()
    there = broken.pump().server.accept()

    def fail(event: object) -> None:
        raise ZeroDivisionError

    there.on_event = fail
    here.send(Data(0, b"boom"))
    broken.pump()
    healthy.pump()
    assert broken.server.lost_because == ["internal error"]
    assert healthy.server.lost_because == []


def test_whoever_asks_and_does_not_read_is_cut_off() -> None:
    """S9: answers are the one thing that no window holds back."""
    pair = connected(server_limits=Limits(unsent=10_000))
    pair.server_wire.stopped = True
    for _ in range(2000):
        pair.client_end.sendPacket(192, b"?" * 100)
        pair.pump()
        if pair.server_end.ended:
            break
    assert pair.server_end.ended
    assert pair.server_wire.total < 200_000
    assert pair.server.lost_because == ["the other side asks and does not read"]


def test_what_is_queued_has_a_moment_to_leave() -> None:
    pair = connected()
    pair.server_wire.stopped = True
    pair.server_end.disconnect(11, "over")
    assert pair.server_wire.closing
    assert not pair.server_wire.closed
    pair.clock.advance(1.1)
    assert pair.server_wire.closed
    assert pair.server.lost_because == ["over"]


def test_nothing_is_sent_or_believed_behind_a_disconnect() -> None:
    pair = connected()
    here = pair.client.open()
    pair.pump()
    pair.server_end.disconnect(11, "over")
    before = len(pair.server_wire.sent)
    pair.server_end.sendPacket(2, string(b"more"))
    pair.server_end.dataReceived(bytes(pair.client_wire.sent) + b"whatever")
    assert len(pair.server_wire.sent) == before
    pair.pump()
    assert here.losses == 1
    assert pair.client.lost_because == ["the other side ended it (11): over"]
    assert not pair.clock.getDelayedCalls()


def test_what_the_other_side_gives_as_a_reason_moves_no_cursor() -> None:
    """S19."""
    pair = connected()
    pair.client_end.disconnect(11, "bye\x1b[2J\r\nforged line")
    pair.pump()
    assert pair.server.lost_because == ["the other side ended it (11): bye\\x1b[2J\\r\\nforged line"]


@given(st.binary(max_size=64))
def test_a_disconnect_of_any_content(payload: bytes) -> None:
    pair = connected()
    pair.client_end._emit((b"\1", payload), 1 + len(payload))
    pair.pump()
    assert pair.server_end.ended
    assert len(pair.server.lost_because) == 1


def test_channel_data_waits_while_the_socket_takes_nothing() -> None:
    pair = connected()
    here = pair.client.open()
    there = pair.pump().server.accept()
    pair.pump()
    pair.server_wire.stopped = True
    for _ in range(20):
        there.send(Data(0, bytes(30_000)))
    assert there.channel.queued > 400_000
    assert len(pair.server_wire.sent) < 100_000
    assert not pair.server_end.writable
    pair.server_wire.stopped = False
    pair.pump()
    assert len(here.data()) == 600_000
    assert there.channel.queued == 0
    assert there.drains == 1


def test_a_fault_without_a_code_of_its_own_is_a_protocol_error() -> None:
    pair = greeted()

    def fail() -> None:
        raise ProtocolError("whatever")

    pair.server_end.guarded(fail)
    assert farewell(pair) == (2, "whatever")
