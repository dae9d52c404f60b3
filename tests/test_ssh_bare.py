"""twisted_hoop.ssh.bare: a connection that encrypts no more, between two real ends of the engine."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh import Chunks, Pair, Talker, bytewise, connected, whole
from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.bare import BareIn, BareOut
from twisted_hoop.ssh.ciphers import Gcm
from twisted_hoop.ssh.events import STDERR, STDOUT, Close, Data, Eof, Request
from twisted_hoop.ssh.fields import MalformedMessage, string, uint32
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.stages import CHANNEL_DATA, GLOBAL_REQUEST, KEXINIT, USERAUTH_REQUEST, WINDOW_ADJUST

LAST = string(b"last@test") + b"\0"
WINDOW = 100_000


def last_from(side: Any, end: Any) -> None:
    """The next global request that comes to `side` is the last packet that is encrypted."""
    side.global_requested = lambda request: end.expect_bare()


def bare(pair: Pair) -> Pair:
    """Both directions of it."""
    for side, end, other in (
        (pair.server, pair.server_end, pair.client_end),
        (pair.client, pair.client_end, pair.server_end),
    ):
        last_from(side, end)
        assert other.go_bare(GLOBAL_REQUEST, LAST)
        pair.pump()
    return pair


def talking(chunks: Chunks = whole, crediting: bool = True) -> tuple[Pair, Talker, Talker]:
    """A pair that is bare, with one channel."""
    pair = bare(connected(chunks))
    here = pair.client.open(window=WINDOW, crediting=crediting)
    there = pair.pump().server.accept(window=WINDOW, crediting=crediting)
    pair.pump()
    here.events.clear()
    return pair, here, there


@pytest.mark.parametrize("chunks", [whole, bytewise])
def test_everything_passes_in_order_in_whatever_pieces(chunks: Chunks) -> None:
    pair, here, there = talking(chunks)
    data = bytes(range(256)) * 20
    here.send(Data(STDOUT, data))
    here.send(Data(STDERR, b"beside"))
    here.channel.write(b"more")
    here.send(Request(b"window-change", b"x"))
    there.channel.write(memoryview(data))
    here.send(Eof())
    pair.pump()
    assert (there.data(), there.data(STDERR)) == (data + b"more", b"beside")
    assert there.others() == [Request(b"window-change", b"x"), Eof()]
    assert here.data() == data
    here.send(Close())
    there.send(Close())
    pair.pump()
    assert (here.losses, there.losses, pair.ended) == (1, 1, [])


def test_what_was_said_before_is_encrypted_and_what_is_said_after_is_not() -> None:
    pair = connected()
    assert isinstance(pair.client_end._out, Gcm)
    pair.client_end.sendPacket(GLOBAL_REQUEST, string(b"before") + b"\0")
    assert b"before" not in pair.client_wire.sent
    pair.pump()
    last_from(pair.server, pair.server_end)
    assert pair.client_end.go_bare(GLOBAL_REQUEST, LAST)
    assert b"last@test" not in pair.client_wire.sent
    talker = pair.client.open(b"in-the-clear")
    assert b"in-the-clear" in pair.client_wire.sent  # in the same piece as the last encrypted packet
    pair.pump()
    assert pair.server.openings[0].kind == b"in-the-clear"
    pair.server.accept()
    assert b"in-the-clear" not in pair.server_wire.sent and isinstance(pair.server_end._out, Gcm)
    pair.pump()
    assert talker.channel.opened


def test_bytes_are_given_on_before_their_packet_is_whole() -> None:
    pair, here, there = talking()
    here.channel.write(b"x" * 30_000)
    sent = pair.client_wire.taken()
    pair.server_end.dataReceived(sent[:1000])
    assert len(there.data()) == 1000 - 13
    pair.server_end.dataReceived(sent[1000:])
    assert there.data() == b"x" * 30_000


def test_S9_a_stopped_reader_costs_one_window() -> None:
    """S9: the window holds as with encryption, and is opened by credit alone."""
    pair, here, there = talking(crediting=False)
    here.channel.write(bytes(10 * WINDOW))
    pair.pump()
    assert len(there.data()) == WINDOW and here.channel.queued == 9 * WINDOW
    there.channel.credit(WINDOW)
    pair.pump()
    assert len(there.data()) == 2 * WINDOW


@pytest.mark.parametrize("size", [WINDOW + 1, 64 * 1024 * 1024])
def test_S9_more_than_the_window_ends_the_connection(size: int) -> None:
    """S9: nothing of it is given on."""
    pair, _, there = talking()
    head = uint32(size + 9) + bytes((CHANNEL_DATA,)) + uint32(there.channel.number) + uint32(size)
    pair.client_wire.write(head + b"x" * 100)
    pair.pump()
    assert there.data() == b"" and pair.ended


@pytest.mark.parametrize("number", [KEXINIT, 21, 31, USERAUTH_REQUEST, 5])
def test_S4_nobody_exchanges_keys_or_logs_in_any_more(number: int) -> None:
    """S4: what has no place on such a connection ends it."""
    pair, *_ = talking()
    pair.client_wire.write(uint32(41) + bytes((number,)) + bytes(40))
    pair.pump()
    assert pair.ended == [f"message {number} on a connection without encryption of its own"]


def test_no_keys_are_asked_for_where_there_are_none() -> None:
    pair = bare(connected(limits=Limits(rekey_bytes=1000, rekey_seconds=5.0)))
    here = pair.client.open()
    there = pair.pump().server.accept()
    pair.pump()
    here.channel.write(b"x" * 20_000)
    pair.pump()
    pair.clock.advance(60)
    pair.client_end.rekey()
    here.channel.write(b"x" * 20_000)
    pair.pump()
    assert len(there.data()) == 40_000 and not pair.ended
    assert isinstance(pair.client_end._out, BareOut)


def test_not_in_the_middle_of_a_key_exchange() -> None:
    pair = connected()
    pair.client_end.rekey()
    assert not pair.client_end.go_bare(GLOBAL_REQUEST, LAST)
    with pytest.raises(ProtocolError, match="in the middle"):
        pair.client_end.expect_bare()
    pair.pump()
    assert isinstance(pair.client_end._out, Gcm) and not pair.ended


def test_not_before_somebody_is_logged_in() -> None:
    pair = Pair().start()
    assert not pair.client_end.go_bare(GLOBAL_REQUEST, LAST)
    with pytest.raises(ProtocolError):
        pair.server_end.expect_bare()


def test_data_of_a_channel_that_is_over_is_passed_over() -> None:
    pair, here, there = talking()
    for talker in (here, there):
        talker.send(Close())
    pair.pump()
    pair.client_wire.write(uint32(14) + bytes((CHANNEL_DATA,)) + uint32(there.channel.number) + string(b"later"))
    other = pair.client.open()
    pair.pump().server.accept()
    pair.pump()
    assert other.channel.opened and not there.data()


class Told:
    """A packet layer that keeps what it is told."""

    def __init__(self) -> None:
        self.ended = False
        self.incomingPacketSequence = 0
        self.messages: list[tuple[int, bytes]] = []

    def dispatch(self, number: int, payload: bytes) -> None:
        self.messages.append((number, payload))


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_bytes_are_packets_or_the_faults_that_are_documented(data: bytes, step: int) -> None:
    told: Any = Told()
    reader = BareIn(told, _connection(), 1000)
    try:
        for start in range(0, len(data), step):
            reader.received(data[start : start + step])
    except (ProtocolError, MalformedMessage):
        return
    assert sum(5 + len(payload) for _, payload in told.messages) <= len(data)


@given(st.lists(st.tuples(st.sampled_from([1, 2, 80, WINDOW_ADJUST, 96, 100]), st.binary(max_size=50))))
def test_messages_come_out_as_they_went_in_wherever_they_are_cut(messages: list[tuple[int, bytes]]) -> None:
    written: list[bytes] = []
    out = BareOut(type("Transport", (), {"write": staticmethod(written.append)}))
    sent = b"".join(out.seal(0, (bytes((number,)), payload), 1 + len(payload)) for number, payload in messages)
    told: Any = Told()
    reader = BareIn(told, _connection(), 1000)
    for start in range(len(sent)):
        reader.received(sent[start : start + 1])
    assert told.messages == messages and told.incomingPacketSequence == len(sent)
    out.send_data(b"head", memoryview(b"data"))
    assert written == [uint32(8) + b"headdata"]


def _connection() -> Any:
    return connected_once.connection


class _Once:
    """One connection for all examples: nothing of them changes it."""

    @property
    def connection(self) -> Any:
        if not hasattr(self, "_pair"):
            self._pair = connected()
        return self._pair.server.connection


connected_once = _Once()
