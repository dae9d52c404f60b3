"""Frames of SPDY/3.1: what is written is read wherever it is cut; what Go writes is read; what is odd is a fault."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.spdy import (
    GOAWAY,
    MAX_CONTROL,
    PING,
    RST_STREAM,
    SETTINGS,
    SYN_REPLY,
    SYN_STREAM,
    WHOLE,
    Control,
    Data,
    Frame,
    SpdyReader,
    SpdyWriter,
)
from twisted_hoop.kubernetes.spdy_words import DICTIONARY

NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12)
HEADER_LISTS = st.lists(st.tuples(NAMES, st.text("abc 019:/", max_size=20)), max_size=5, unique_by=lambda pair: pair[0])
STREAMS = st.integers(1, 9)


def opening(stream: int, *headers: tuple[str, str], flags: int = 0) -> Control:
    """A SYN_STREAM."""
    return Control(SYN_STREAM, flags, stream.to_bytes(4, "big") + bytes(6), headers)


FRAMES = st.one_of(
    st.builds(lambda s, h: opening(s, *h), STREAMS, HEADER_LISTS),
    st.builds(lambda s, h: Control(SYN_REPLY, 0, s.to_bytes(4, "big"), tuple(h)), STREAMS, HEADER_LISTS),
    st.builds(lambda s: Control(PING, 0, s.to_bytes(4, "big")), STREAMS),
    st.builds(lambda s: Control(RST_STREAM, 0, s.to_bytes(4, "big") + b"\0\0\0\5"), STREAMS),
    st.builds(lambda s: Control(GOAWAY, 0, s.to_bytes(4, "big") + bytes(4)), STREAMS),
    st.builds(lambda s: Control(SETTINGS, 0, bytes(4)), STREAMS),
    st.builds(Data, STREAMS, st.binary(min_size=1, max_size=200), st.booleans()),
)


def fed(data: bytes, cuts: list[int]) -> list[Frame]:
    """The frames of data that comes cut at those places."""
    reader, found, last = SpdyReader("client"), list[Frame](), 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        found += reader.feed(data[last:cut])
        last = cut
    return found


@given(st.lists(FRAMES, max_size=8), st.lists(st.integers(0, 900), max_size=8))
def test_what_is_written_is_read_wherever_it_is_cut(frames: list[Frame], cuts: list[int]) -> None:
    """One context for all headers of a direction: the second header costs next to nothing, and is the same."""
    writer = SpdyWriter()
    assert fed(b"".join(map(writer.frame, frames)), cuts) == frames


def test_what_a_frame_tells() -> None:
    frame = opening(7, ("streamtype", "error"), ("port", "8080"))
    assert (frame.stream, frame.value("port"), frame.value("none")) == (7, "8080", "")
    writer = SpdyWriter()
    found = fed(writer.reply(7) + writer.reset(7, 3) + writer.goaway(7), [])
    assert [(f.kind, f.stream) for f in found if isinstance(f, Control)] == [
        (SYN_REPLY, 7),
        (RST_STREAM, 7),
        (GOAWAY, 7),
    ]


def test_a_large_frame_is_passed_on_as_it_comes() -> None:
    """Nothing is collected (K10): what a frame tells of its length costs no memory."""
    data = (5).to_bytes(4, "big") + b"\x01" + (300_000).to_bytes(3, "big") + b"x" * 300_000
    reader, found = SpdyReader("target"), list[Frame]()
    for at in range(0, len(data), 50_000):
        found += reader.feed(data[at : at + 50_000])
    assert all(isinstance(f, Data) and len(f.data) <= 50_000 for f in found)
    assert sum(len(f.data) for f in found if isinstance(f, Data)) == 300_000
    assert [f.fin for f in found if isinstance(f, Data)] == [False] * 6 + [True]
    assert WHOLE < 300_000


def test_large_data_is_written_in_portions() -> None:
    found = fed(SpdyWriter().data(3, b"y" * 100_000, fin=True), [])
    assert [len(f.data) for f in found if isinstance(f, Data)] == [32768, 32768, 32768, 1696]
    assert [f.fin for f in found if isinstance(f, Data)] == [False, False, False, True]
    assert SpdyWriter().data(3, b"") == b"" and fed(SpdyWriter().data(3, b"", fin=True), []) == [Data(3, b"", True)]


def block(raw: bytes) -> bytes:
    """A header block with whatever in it."""
    packing = zlib.compressobj(zdict=DICTIONARY)
    return packing.compress(raw) + packing.flush(zlib.Z_SYNC_FLUSH)


def syn(body: bytes) -> bytes:
    """A SYN_STREAM with that block."""
    return b"\x80\x03\0\1\0" + (10 + len(body)).to_bytes(3, "big") + b"\0\0\0\1" + bytes(6) + body


def text(value: bytes) -> bytes:
    """A counted text."""
    return len(value).to_bytes(4, "big") + value


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x02\0\6\0\0\0\4" + bytes(4),  # SPDY/2
        b"\x80\x03\0\5\0\0\0\4" + bytes(4),  # NOOP, which 3 does not have
        b"\x80\x03\0\6\0\0\0\5" + bytes(5),
        b"\x80\x03\0\1\0\0\0\4" + bytes(4),
        b"\x80\x03\0\1\0\2\0\0",  # longer than MAX_CONTROL
        b"\0\0\0\0\0\0\0\1x",  # data of stream 0
        b"\0\0\0\1\2\0\0\1x",  # flags of another SPDY
        b"\x80\x03\0\1\2" + syn(block(b"\0\0\0\0"))[5:],  # a stream for one side only
        b"\x80\x03\0\x08\0\0\0\x04\0\0\0\1",  # HEADERS of a stream that is open
        syn(b"no zlib"),
        syn(block(b"\0\0\0\1" + text(b"a"))),
        syn(block(b"\0\0\0\1" + text(b"a") + text(b"b") + b"x")),
        syn(block(b"\0\0\0\2" + text(b"a") + text(b"b") + text(b"a") + text(b"c"))),
        syn(block(b"\0\0\0\1" + text(b"A") + text(b"b"))),
        syn(block(b"\0\0\1\0")),
        syn(block(b"\0\0\0\1" + b"\xff\xff\xff\xff")),
        syn(block(b"")),
        syn(zlib.compress(b"\0\0\0\0")),
    ],
)
def test_what_is_odd_is_a_fault(data: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        SpdyReader("client").feed(data)
    assert caught.value.side == "client"


def test_S1_headers_that_unpack_to_much_are_a_fault() -> None:
    """S1's kind, K9: a frame of a few hundred bytes does not become megabytes."""
    bomb = block(b"\0\0\0\1" + text(b"a") + text(b"x" * 8_000_000))
    assert len(bomb) < MAX_CONTROL
    with pytest.raises(ProtocolError):
        SpdyReader("client").feed(syn(bomb))


@given(st.binary(max_size=120), st.lists(st.integers(0, 120), max_size=4))
def test_anything_is_frames_or_a_fault(data: bytes, cuts: list[int]) -> None:
    try:
        fed(data, cuts)
    except ProtocolError as error:
        assert error.side == "client"


@given(st.sampled_from([1, 2]), st.binary(max_size=60))
def test_any_block_of_headers_is_headers_or_a_fault(kind: int, raw: bytes) -> None:
    fixed = bytes(10 if kind == SYN_STREAM else 4)
    body = fixed + block(raw)
    try:
        SpdyReader("client").feed(b"\x80\x03\0" + bytes((kind, 0)) + len(body).to_bytes(3, "big") + body)
    except ProtocolError as error:
        assert error.side == "client"
