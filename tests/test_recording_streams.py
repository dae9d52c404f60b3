"""twisted_hoop.recording.streams: no byte of a stream is lost in an entry, in whatever form it stands there."""

from __future__ import annotations

import base64
import os
import random

import pytest
from backports.zstd import ZstdCompressor
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.recording.encoding import encode
from twisted_hoop.recording.streams import (
    LARGEST,
    WORTH_PACKING,
    resize_entry,
    stream_bytes,
    stream_entry,
    terminal_entry,
)


@given(st.binary(max_size=300), st.integers(1, 400))
def test_every_byte_comes_back(data: bytes, times: int) -> None:
    entry = stream_entry("output", 3, "stderr", memoryview(data * times))
    assert (entry.kind, entry.data["channel"], entry.data["stream"]) == ("output", 3, "stderr")
    assert stream_bytes(entry.data) == data * times
    encode(1, 0.0, entry)


def test_little_text_stands_there_to_be_read() -> None:
    assert stream_entry("output", 0, "stdout", "Grüße\n".encode()).data["text"] == "Grüße\n"
    assert stream_entry("output", 0, "stdout", b"\xff").data["base64"] == "/w=="
    almost = b"x" * (WORTH_PACKING - 1)
    assert stream_entry("output", 0, "stdout", almost).data["text"] == almost.decode()


def test_much_is_packed_when_that_makes_it_less() -> None:
    """NUL bytes in JSON are six characters each: a gigabyte of them would have been six on the disk."""
    for data in (bytes(32768), b"a line of a log\n" * 2000, "ä".encode() * 20000, random.Random(1).randbytes(64) * 500):
        entry = stream_entry("output", 0, "stdout", data)
        assert set(entry.data) == {"channel", "stream", "zstd"}
        assert len(entry.data["zstd"]) < len(data)
        assert stream_bytes(entry.data) == data
    noise = os.urandom(32768)
    assert stream_bytes(stream_entry("output", 0, "stdout", noise).data) == noise


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"text": None},
        {"base64": "%%%"},
        {"zstd": "%%%"},
        {"zstd": base64.b64encode(b"not a frame").decode()},
        {"zstd": base64.b64encode(ZstdCompressor().compress(bytes(9000), ZstdCompressor.FLUSH_FRAME)[:-3]).decode()},
        {"zstd": base64.b64encode(ZstdCompressor().compress(b"cut", ZstdCompressor.FLUSH_BLOCK)).decode()},
    ],
)
def test_damaged_entries_hold_nothing(data: dict[str, object]) -> None:
    assert stream_bytes(data) == b""


def test_a_bomb_is_not_unpacked() -> None:
    """R6: a recording that somebody made up, of which a few bytes would fill a memory."""
    bomb = ZstdCompressor().compress(bytes(LARGEST + 1), ZstdCompressor.FLUSH_FRAME)
    assert len(bomb) < 10_000
    assert stream_bytes({"zstd": base64.b64encode(bomb).decode()}) == b""


def test_terminals() -> None:
    assert terminal_entry(1, "xterm", 80, 24).data == {"channel": 1, "term": "xterm", "columns": 80, "rows": 24}
    assert resize_entry(1, 100, 50).data == {"channel": 1, "columns": 100, "rows": 50}
