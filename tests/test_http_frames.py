"""Frames of WebSocket connections: what wsproto writes is read, cut anywhere, and what is odd is a fault."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, Opcode

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.frames import (
    BINARY,
    CLOSE,
    MAX_FRAME,
    NORMAL,
    PING,
    TEXT,
    WHOLE,
    Frames,
    Piece,
    close_frame,
    frame,
)
from twisted_hoop.steps import Side

SIDES: tuple[Side, Side] = ("client", "target")


def other(side: Side) -> Side:
    """The other one."""
    return "target" if side == "client" else "client"


def joined(pieces: list[Piece]) -> list[tuple[int, bytes]]:
    """Whole messages."""
    found: list[tuple[int, bytes]] = []
    for piece in pieces:
        if piece.opcode >= CLOSE or piece.first:
            found.append((piece.opcode, piece.data))
        else:
            found[-1] = (found[-1][0], found[-1][1] + piece.data)
    return found


def fed(side: Side, data: bytes, cuts: list[int]) -> list[Piece]:
    """The pieces of data that comes cut at those places."""
    reader, found, last = Frames(side), list[Piece](), 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        found += reader.feed(data[last:cut])
        last = cut
    return found


MESSAGES = st.lists(st.tuples(st.sampled_from([TEXT, BINARY, PING]), st.binary(max_size=120)), max_size=6)


@given(MESSAGES, st.sampled_from(SIDES), st.lists(st.integers(0, 900), max_size=8))
def test_what_is_written_is_read_wherever_it_is_cut(
    messages: list[tuple[int, bytes]], side: Side, cuts: list[int]
) -> None:
    data = b"".join(frame(other(side), opcode, payload) for opcode, payload in messages)
    assert joined(fed(side, data, cuts)) == messages


@given(st.binary(max_size=300), st.integers(1, 50), st.booleans())
def test_another_writer_is_understood_and_understands(payload: bytes, size: int, client: bool) -> None:
    """wsproto in both directions, fragments and a ping between them."""
    side: Side = "client" if client else "target"
    theirs = FrameProtocol(client=client, extensions=[])
    parts = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    data = b""
    for number, part in enumerate(parts):
        data += theirs.send_data(part, fin=number == len(parts) - 1) + theirs.ping(b"p")
    found = fed(side, data, [3, 17])
    assert b"".join(piece.data for piece in found if piece.opcode == BINARY) == payload
    assert [piece.first for piece in found if piece.opcode == BINARY].count(True) == 1
    reader = FrameProtocol(client=client, extensions=[])
    reader.receive_bytes(frame(side, BINARY, payload) + close_frame(side, NORMAL, "bye"))
    received = list(reader.received_frames())
    assert received[0].opcode is Opcode.BINARY and received[0].payload == payload
    assert received[-1].opcode is Opcode.CLOSE and received[-1].payload[0] == NORMAL


def test_a_large_frame_is_passed_on_as_it_comes() -> None:
    """Nothing is collected: what a frame tells of its length costs no memory (K10)."""
    payload = bytes(range(251)) * 2000
    for side in SIDES:
        reader, found = Frames(side), list[Piece]()
        data = frame(other(side), BINARY, payload)
        for at in range(0, len(data), 7001):
            pieces = reader.feed(data[at : at + 7001])
            assert sum(len(piece.data) for piece in pieces) <= 7001
            found += pieces
        assert joined(found) == [(BINARY, payload)] and [p.last for p in found].count(True) == 1
    huge = Frames("target")
    assert huge.feed(b"\x82\x7f" + MAX_FRAME.to_bytes(8, "big") + b"x" * 10) == [Piece(BINARY, b"x" * 10, True, False)]


def test_a_small_frame_is_waited_for() -> None:
    reader, data = Frames("target"), frame("client", BINARY, b"x" * WHOLE)
    assert reader.feed(data[:-1]) == [] and reader.feed(data[-1:]) == [Piece(BINARY, b"x" * WHOLE)]


@pytest.mark.parametrize(
    ("side", "data"),
    [
        ("target", b"\xc2\x01x"),  # a reserved bit
        ("target", b"\x83\x01x"),  # a kind that is reserved
        ("target", b"\x8b\x01x"),
        ("target", b"\x82\x81keyx"),  # a server masks
        ("client", b"\x82\x01x"),  # a client does not
        ("target", b"\x09\x00"),  # a ping in parts
        ("target", b"\x89\x7e\x00\x80"),  # a long one
        ("target", b"\x80\x00"),  # goes on without a beginning
        ("target", b"\x02\x01x\x82\x01y"),  # begins within another
        ("target", b"\x82\x7e\x00\x05hello"),  # longer lengths than needed
        ("target", b"\x82\x7f" + (65535).to_bytes(8, "big")),
        ("target", b"\x82\x7f" + (1 << 63).to_bytes(8, "big")),
    ],
)
def test_what_is_odd_is_a_fault_of_its_side(side: Side, data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        Frames(side).feed(data)
    assert caught.value.side == side


def test_nothing_counts_behind_close() -> None:
    reader = Frames("target")
    assert [piece.opcode for piece in reader.feed(close_frame("client", NORMAL) + b"garbage")] == [CLOSE]
    assert reader.ended and reader.feed(b"\xff\xff") == []


@given(st.binary(max_size=200), st.sampled_from(SIDES), st.lists(st.integers(0, 200), max_size=5))
def test_anything_is_pieces_or_a_fault(data: bytes, side: Side, cuts: list[int]) -> None:
    try:
        pieces = fed(side, data, cuts)
    except ProtocolError as error:
        assert error.side == side
    else:
        assert sum(len(piece.data) for piece in pieces) <= len(data)
