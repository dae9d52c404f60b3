"""One open file: what is on disk when, and what a failure does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.recordings import command, outcome
from twisted_hoop.errors import RecordingFailed
from twisted_hoop.model import Entry
from twisted_hoop.recording import framing
from twisted_hoop.recording.entries import decode
from twisted_hoop.recording.streams import stream_bytes
from twisted_hoop.recording.unsealing import Unsealer
from twisted_hoop.recording.writer import MAX_LATE, MAX_PENDING, Writer, apart

KEY = bytes(range(32))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.hoop"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    made = Writer(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600))
    made.begin(b"{}", KEY)
    yield made
    made.release()


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """The header as kind "open", and what stands in the segments."""
    with path.open("rb") as stream:
        header, *rest = framing.frames(stream)
    yield decode(header)
    unsealer = Unsealer(KEY, header.chain)
    for frame in rest:
        yield from unsealer.entries(frame)


def kinds(path: Path) -> list[str]:
    return [str(entry["kind"]) for entry in entries(path)]


def test_an_entry_is_in_the_file_when_write_returns(writer: Writer, path: Path) -> None:
    writer.write(command(), 500000)
    assert kinds(path) == ["open", "command"]
    assert writer.bytes == path.stat().st_size


def test_a_lazy_entry_goes_with_the_next_and_before_it(writer: Writer, path: Path) -> None:
    writer.write(outcome(), 100000, lazy=True)
    assert kinds(path) == ["open"]
    assert writer.pending
    writer.write(command(), 200000)
    assert kinds(path) == ["open", "outcome", "command"]
    assert not writer.pending


def test_bytes_of_a_stream_stand_as_they_are_behind_the_json(writer: Writer, path: Path) -> None:
    data = bytes(range(256)) * 40
    for lazy in (True, True, False):
        writer.write(Entry("output", {"channel": 0, "stream": "stdout", "raw": data}), 0, lazy)
    found = list(entries(path))[1:]
    assert [stream_bytes(entry) for entry in found] == [data] * 3
    assert path.stat().st_size < 3 * len(data) + 600
    plain = Entry("notice", {"text": "x"})
    assert apart(plain) == (plain, b"")


def test_lazy_entries_fill_a_bounded_buffer_and_are_written_r10(writer: Writer, path: Path) -> None:
    """R10: a flood is neither kept in memory nor cut."""
    big = Entry("notice", {"text": "x" * 1000})
    for _ in range(1000):
        writer.write(big, 0, lazy=True)
        assert writer._size < MAX_PENDING
    writer.flush()
    assert len(kinds(path)) == 1001


def test_outcomes_wait_in_bounded_number_and_are_written_r10(writer: Writer, path: Path) -> None:
    """R10: outcomes that nobody's command pushes out are kept for MAX_LATE of them, and then written, not dropped."""
    for number in range(10 * MAX_LATE + 1):
        writer.write(outcome(), number, lazy=True)
        assert len(writer._late) < MAX_LATE
    assert len(kinds(path)) == 1 + 10 * MAX_LATE
    writer.flush()
    assert [entry["n"] for entry in entries(path)] == list(range(10 * MAX_LATE + 2))


def test_an_outcome_that_cannot_be_written_fails_the_recording_r1(writer: Writer) -> None:
    """R1: it was lazy, and is found with what comes next."""
    writer.write(Entry("outcome", {"n": 7}), 0, lazy=True)
    with pytest.raises(RecordingFailed, match="may not be called"):
        writer.write(command(), 0)
    with pytest.raises(RecordingFailed, match="may not be called"):
        writer.write(command(), 0)
    assert not writer.pending


def test_numbers_count_from_one(writer: Writer, path: Path) -> None:
    for lazy in (True, False, True, False):
        writer.write(command(), 0, lazy)
    assert [entry["n"] for entry in entries(path)] == [0, 1, 2, 3, 4]


def full(tmp_path: Path) -> Writer:
    """A writer whose disk became full after the header."""
    writer = Writer(os.open(tmp_path / "begun", os.O_WRONLY | os.O_CREAT))
    writer.begin(b"{}", KEY)
    with open("/dev/full", "wb") as device:
        os.dup2(device.fileno(), writer.descriptor)
    return writer


def test_the_first_failure_is_final_r1(tmp_path: Path) -> None:
    """R1: a full disk (the real ENOSPC of /dev/full) fails this write and every one after it."""
    writer = full(tmp_path)
    with pytest.raises(RecordingFailed, match="No space left"):
        writer.write(command(), 0)
    os.dup2(os.open(tmp_path / "x", os.O_WRONLY | os.O_CREAT), writer.descriptor)
    for lazy in (False, True):
        with pytest.raises(RecordingFailed, match="No space left"):
            writer.write(command(), 0, lazy)
    with pytest.raises(RecordingFailed):
        writer.flush()
    assert (tmp_path / "x").stat().st_size == 0
    writer.release()


def test_a_lazy_write_that_fails_later_fails_what_follows_r1(tmp_path: Path) -> None:
    """R1: the command behind an outcome that could not be written is not recorded either."""
    writer = full(tmp_path)
    writer.write(outcome(), 0, lazy=True)
    with pytest.raises(RecordingFailed, match="No space left"):
        writer.write(command(), 0)
    assert writer.failure is not None
    writer.release()


def test_a_failed_sync_is_never_tried_again_r1(tmp_path: Path) -> None:
    """R1: fdatasync on a pipe fails for good (EINVAL)."""
    reader, end = os.pipe()
    writer = Writer(end)
    with pytest.raises(RecordingFailed, match="cannot sync"):
        writer.sync()
    with pytest.raises(RecordingFailed, match="cannot sync"):
        writer.write(command(), 0)
    writer.release()
    os.close(reader)


def test_release_twice(writer: Writer) -> None:
    writer.release()
    writer.release()
    with pytest.raises(RecordingFailed):
        writer.write(command(), 0)


def test_much_output_goes_in_pieces_and_fails_as_all_else_r1(tmp_path: Path, writer: Writer, path: Path) -> None:
    """R1: also when the disk takes only the first part (a file size limit, as a full disk does)."""
    data = os.urandom(1 << 16)
    entry = Entry("output", {"channel": 0, "stream": "stdout", "raw": data})
    writer.write(entry, 0)
    assert stream_bytes(list(entries(path))[1]) == data
    broken = full(tmp_path)
    for _ in range(2):
        with pytest.raises(RecordingFailed, match="No space left"):
            broken.write(entry, 0)
    broken.release()


def test_segments_of_streams_alone_are_bulk(writer: Writer, path: Path) -> None:
    """What waits with them and is none of a stream must be found by who passes over bulk."""
    entry = Entry("output", {"channel": 0, "stream": "stdout", "raw": os.urandom(5000)})
    for each, lazy in ((entry, False), (outcome(), True), (entry, False), (entry, True), (entry, False)):
        writer.write(each, 0, lazy)
    with path.open("rb") as stream:
        found = bytes(frame.kind for frame in framing.frames(stream))
    assert found == bytes((framing.HEADER, framing.BULK, framing.SEALED, framing.BULK))
    assert kinds(path) == ["open", "output", "outcome", "output", "output", "output"]
