"""COPY's binary format: cut anywhere, tuples come out whole; anything else is a ProtocolError."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.masking import copybinary
from twisted_hoop.masking.copybinary import SIGNATURE, TRAILER, Cells, Tuples, pack

HEADER = SIGNATURE + bytes(8)
ROWS = st.lists(st.lists(st.none() | st.binary(max_size=12), max_size=4), max_size=5)


def feed_in_pieces(data: bytes, cuts: list[int], side: copybinary.Side = "target") -> list[bytes | Cells]:
    reader = Tuples(side)
    out: list[bytes | Cells] = []
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        out += reader.feed(data[start:end])
    reader.flush()
    return out


@given(ROWS, st.binary(max_size=9), st.data())
def test_the_stream_may_be_cut_anywhere(rows: list[Cells], extension: bytes, draw: st.DataObject) -> None:
    """M3: whatever the pieces, the tuples are the same."""
    head = SIGNATURE + struct.pack(">ii", 0, len(extension)) + extension
    data = head + b"".join(map(pack, rows)) + TRAILER
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(data)), max_size=8)))
    assert feed_in_pieces(data, cuts) == [head, *rows, TRAILER]


@given(st.binary(max_size=60) | st.binary(max_size=40).map(HEADER.__add__), st.lists(st.integers(0, 40), max_size=3))
def test_tuples_or_protocol_error_and_never_anything_else(data: bytes, cuts: list[int]) -> None:
    reader = Tuples("client")
    try:
        pieces = reader.feed(data[:20]) + reader.feed(data[20:])
        reader.flush()
    except ProtocolError as error:
        assert error.side == "client"
    else:
        assert b"".join(p if isinstance(p, bytes) else pack(p) for p in pieces) == data


@pytest.mark.parametrize(
    "data",
    [
        b"PGCOPY\n\xff\r\n\1" + bytes(8),
        SIGNATURE + struct.pack(">Ii", 1 << 16, 0) + TRAILER,
        SIGNATURE + struct.pack(">ii", 0, -1),
        HEADER + struct.pack(">h", -2),
        HEADER + struct.pack(">hi", 1, -2),
        HEADER + struct.pack(">hi", 1, 2**31 - 1),
        HEADER + TRAILER + struct.pack(">h", 0),
        HEADER + TRAILER + TRAILER,
        HEADER,
        HEADER + pack([b"x"])[:-1],
        HEADER + struct.pack(">h", 2),
        b"",
    ],
)
def test_malformed_streams_are_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        feed_in_pieces(data, [])
    assert caught.value.side == "target"


def test_a_client_s_stream_may_end_without_trailer() -> None:
    assert feed_in_pieces(HEADER + pack([b"a", None]), [], "client") == [HEADER, [b"a", None]]


def test_a_large_tuple_in_small_pieces_costs_no_more_than_its_size() -> None:
    """C8: 16 MiB in pieces of 1 KiB; copying what is held for every piece would take minutes."""
    cell = bytes(16 << 20)
    data = HEADER + pack([cell, b"x"]) + TRAILER
    out = feed_in_pieces(data, list(range(1024, len(data), 1024)))
    assert out[1] == [cell, b"x"]


def test_a_tuple_beyond_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copybinary, "HELD_LIMIT", 1000)
    with pytest.raises(ProtocolError):
        feed_in_pieces(HEADER + pack([b"x" * 600, b"x" * 600]), [])
