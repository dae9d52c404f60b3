"""Reading on: the same entries as whoever reads all at once, none twice, and nothing of what does not belong there."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.recordings import command, now, outcome, recorded, recorder, resealed, session, spans, split
from twisted_hoop.errors import RecordingDamaged, RecordingSealed
from twisted_hoop.model import Entry, Outcome
from twisted_hoop.recording import data_keys, framing
from twisted_hoop.recording.following import Follower
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.streams import stream_entry
from twisted_hoop.recording.wrapping import KeyRing, beside

WANTED = frozenset(("command", "refused"))


def ring(path: Path) -> KeyRing:
    return beside(path.parents[3])


def output(size: int) -> Entry:
    return stream_entry("output", 0, "stdout", os.urandom(size))


def found(follower: Follower, known: int = 0) -> list[dict[str, Any]]:
    return [entry for _, entries in follower.more(known) for entry in entries]


entries = st.lists(
    st.tuples(
        st.sampled_from(
            [command("select 'é'"), outcome(), output(100), output(6000), output(40_000), command("x" * 9000)]
        ),
        st.booleans(),
    ),
    max_size=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(entries, st.integers(1, 4))
def test_piece_by_piece_is_what_all_at_once_is(
    tmp_path_factory: pytest.TempPathFactory, given_: list[tuple[Entry, bool]], often: int
) -> None:
    state = tmp_path_factory.mktemp("state")
    place = recorder(state)
    recording = place.open(session())
    path = place.folder / recording.path
    follower, seen = Follower(path, ring(path), WANTED), []
    for number, (entry, lazy) in enumerate(given_):
        recording.write(entry, lazy)
        if number % often == 0:
            seen += found(follower)
    now(recording.close(Outcome("closed")))
    seen += found(follower)
    assert found(follower) == []
    whole = list(Library(place.folder).read("session-0001"))
    assert seen == [entry for entry in whole if entry["kind"] in (*WANTED, "open", "close")]
    assert follower.count == len(whole) - 2


def test_what_is_known_is_passed_over_and_not_opened(tmp_path: Path) -> None:
    path = recorded(tmp_path, *(command(f"select {n}") for n in range(6)))
    assert [entry["n"] for entry in found(Follower(path, ring(path), WANTED), 4)] == [0, 5, 6, 7]
    data_keys.destroy(path)
    assert [entry["n"] for entry in found(Follower(path, ring(path), WANTED), 6)] == [0, 7]
    with pytest.raises(RecordingSealed):
        found(Follower(path, ring(path), WANTED), 5)


def test_a_key_that_cannot_be_had_for_a_while_damages_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R4: Vault may be away when somebody looks, and be there again; what was recorded meanwhile is found then."""
    path = recorded(tmp_path, *(command(f"select {n}") for n in range(3)))
    follower, keys = Follower(path, ring(path), WANTED), KeyRing.data_key

    def away(*_: object) -> bytes:
        raise RecordingSealed("it cannot be read without Vault")

    seen: list[int] = []
    monkeypatch.setattr(KeyRing, "data_key", away)
    for _ in range(2):
        with pytest.raises(RecordingSealed):
            seen += [entry["n"] for _, some in follower.more() for entry in some]
    monkeypatch.setattr(KeyRing, "data_key", keys)
    assert [entry["n"] for entry in found(follower)] == [1, 2, 3, 4]


def test_output_in_bulk_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = recorded(tmp_path, command("first"), *[output(1 << 18)] * 8, command("last"))
    read, real = [], os.pread

    def counted(file: int, size: int, at: int) -> bytes:
        data = real(file, size, at)
        read.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counted)
    assert [entry.get("text") for entry in found(Follower(path, ring(path), WANTED))][1:3] == ["first", "last"]
    assert sum(read) < path.stat().st_size / 8


@pytest.mark.parametrize("size", [100, 50_000])
def test_a_changed_byte_ends_it_before_the_first_command_behind_r4(tmp_path: Path, size: int) -> None:
    """R4: in a segment that is opened; and whatever is done to bulk, no command comes of it."""
    path = recorded(tmp_path, command("first"), output(size), command("last"))
    data = bytearray(path.read_bytes())
    start, end = list(spans(bytes(data)))[3]
    for at in (start + 20, (start + end) // 2, end - 1):
        broken = bytearray(data)
        broken[at] ^= 1
        path.write_bytes(broken)
        got: list[dict[str, Any]] = []
        try:
            for _, some in Follower(path, ring(path), WANTED).more():
                got += some
        except RecordingDamaged:
            pass
        else:
            assert size > 4096 and at == (start + end) // 2
        assert [each["text"] for each in got if each["kind"] == "command"] in (["first"], ["first", "last"])


def test_a_command_is_of_its_place_or_none_r4(tmp_path: Path) -> None:
    """R4: frames that are left out, repeated, moved, or are given another kind, all chained anew."""
    path = recorded(tmp_path, *(command(f"select {n} {'x' * 5000}") for n in range(4)))
    magic, header, *rest = split(path.read_bytes())
    as_bulk = rest[1][:4] + b"B" + rest[1][5:]
    for parts in (rest[1:], [rest[0], *rest], [rest[1], rest[0], *rest[2:]], [rest[0], rest[2], rest[1]]):
        path.write_bytes(resealed([magic, header, *parts]))
        with pytest.raises(RecordingDamaged):
            found(Follower(path, ring(path), WANTED))
    path.write_bytes(resealed([magic, header, rest[0], as_bulk, *rest[2:]]))
    numbers: list[int] = []
    with pytest.raises(RecordingDamaged, match="belongs to another"):
        for _, some in Follower(path, ring(path), WANTED).more():
            numbers += [entry["n"] for entry in some]
    assert numbers == [0, 1, 3, 4]
    with pytest.raises(RecordingDamaged, match="does not open"):
        list(Library(tmp_path / "recordings").read("session-0001"))  # who reads it is told


def test_a_torn_end_is_awaited_while_somebody_writes_and_told_otherwise(tmp_path: Path) -> None:
    place = recorder(tmp_path)
    recording = place.open(session())
    path = place.folder / recording.path
    recording.write(command("select 1"))
    whole = path.read_bytes()
    for torn in (b"\0\0\1", b"\0\0\1\0S" + bytes(60), b"\0\1\0\0B" + bytes(80), b"\0\1\0\0B"):
        with path.open("ab") as file:
            file.write(torn)
        assert [entry["n"] for entry in found(Follower(path, ring(path), WANTED))] == [0, 1]
        os.truncate(path, len(whole))
    now(recording.close(Outcome("closed")))
    path.write_bytes(whole + b"\0\0\1\0S" + bytes(60))
    with pytest.raises(framing.Torn):
        found(Follower(path, ring(path), WANTED))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_any_bytes_are_entries_or_damaged(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "recordings/2026/11/22/session-0001.hoop"
    kept = tmp_path / "kept"
    if not kept.exists():
        kept.write_bytes(recorded(tmp_path, command(), output(5000), outcome(), command()).read_bytes())
    whole = kept.read_bytes()
    at = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:at] + data.draw(st.binary(max_size=120)) + whole[at + data.draw(st.integers(0, 90)) :])
    with contextlib.suppress(RecordingDamaged):
        assert all(isinstance(entry, dict) for entry in found(Follower(path, ring(path), WANTED)))
