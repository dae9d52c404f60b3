"""Entries that hold bytes."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import recorded
from twisted_hoop.recording.library import entries
from twisted_hoop.recording.streams import WORTH_PACKING, resize_entry, stream_bytes, stream_entry, terminal_entry


@given(st.binary(max_size=60) | st.text(max_size=30).map(str.encode))
def test_no_byte_is_lost_r8(data: bytes) -> None:
    """R8: whatever passed stands in the entry, exactly."""
    entry = stream_entry("output", 3, "stderr", memoryview(data))
    assert stream_bytes(entry.data) == data
    assert ("text" in entry.data) != ("base64" in entry.data)
    assert (entry.kind, entry.data["channel"], entry.data["stream"]) == ("output", 3, "stderr")


@given(st.binary(min_size=WORTH_PACKING, max_size=WORTH_PACKING + 50), st.sampled_from([0, 1, 64]))
def test_no_byte_of_many_is_lost_r8(data: bytes, times: int) -> None:
    """R8: whether they pack or not; nothing is turned into base64 on the way in."""
    entry = stream_entry("output", 3, "stdout", data + data[:9] * times * 99)
    assert stream_bytes(entry.data) == data + data[:9] * times * 99
    assert "base64" not in entry.data


@given(
    st.dictionaries(
        st.sampled_from(["text", "base64", "zstd", "raw"]),
        st.none() | st.integers() | st.text(max_size=9) | st.binary(max_size=9),
    )
)
def test_damaged_entries_hold_nothing(entry: dict[str, Any]) -> None:
    assert isinstance(stream_bytes(entry), bytes)


def test_every_stream_survives_the_file_r8(tmp_path: Any) -> None:
    """R8: stdin, stdout and stderr of a command without a terminal, each by itself, through a recording's file."""
    written = [
        ("input", "stdin", b"in\n"),
        ("output", "stdout", b"\xff\x00out"),
        ("output", "stderr", "é\x1b".encode()),
        ("output", "stdout", random.Random(7).randbytes(WORTH_PACKING * 2)),
        ("output", "stdout", b"many " * WORTH_PACKING),
        ("input", "stdin", random.Random(8).randbytes(WORTH_PACKING)),
    ]
    path = recorded(tmp_path, *(stream_entry(kind, 1, stream, data) for kind, stream, data in written))
    found = [(e["kind"], e["stream"], stream_bytes(e)) for e in entries(path) if e["kind"] in ("input", "output")]
    assert found == written


def test_terminals() -> None:
    assert dict(terminal_entry(1, "xterm", 80, 24).data) == {"channel": 1, "term": "xterm", "columns": 80, "rows": 24}
    assert dict(resize_entry(1, 100, 30).data) == {"channel": 1, "columns": 100, "rows": 30}
