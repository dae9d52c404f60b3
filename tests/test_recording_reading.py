"""Entries of recordings of both versions, and of none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.recordings import command, now, outcome, recorded, recorder, resealed, session, split
from tests.support.source import REPOSITORY
from twisted_hoop.errors import RecordingDamaged, RecordingSealed
from twisted_hoop.model import Entry, Outcome
from twisted_hoop.recording import reading
from twisted_hoop.recording.keys import PublicKeys, public_keys, read_public_key
from twisted_hoop.recording.library import Library, entries
from twisted_hoop.recording.streams import stream_bytes
from twisted_hoop.recording.verification import verify, verify_folder
from twisted_hoop.recording.wrapping import KeyRing

VERSION_1 = REPOSITORY / "tests" / "samples" / "recording_v1"
"""What the last program that wrote version 1 made: a closed recording, an unfinished one, its ledger and public key."""


def old_folder(tmp_path: Path) -> Path:
    """The samples where a gateway keeps them."""
    day = tmp_path / "recordings" / "2026" / "11" / "22"
    day.mkdir(parents=True, mode=0o700)
    (tmp_path / "recordings").chmod(0o700)
    for name in ("sample-v1-closed.hoop", "sample-v1-live.hoop"):
        shutil.copy(VERSION_1 / name, day / name)
    shutil.copy(VERSION_1 / "ledger.hoop", tmp_path / "recordings" / "ledger.hoop")
    shutil.copy(VERSION_1 / "recording.pub", tmp_path / "recording.pub")
    return tmp_path / "recordings"


def test_version_1_is_read_listed_and_verified(tmp_path: Path) -> None:
    folder = old_folder(tmp_path)
    found = list(Library(folder).read("sample-v1-closed"))
    kinds = ["open", "command", "outcome", "terminal", "output", "output", "command", "close"]
    assert [entry["kind"] for entry in found] == kinds
    assert found[1]["text"] == "select * from customers where name = 'Zoë'"
    assert stream_bytes(found[5]) == b"abc " * 3000
    assert Library(folder).summary("sample-v1-closed").state == "closed"
    keys = public_keys(tmp_path)
    report = verify(folder / "2026/11/22/sample-v1-closed.hoop", keys)
    assert (report.ok, report.count, report.seconds) == (True, 6, 1.25)
    assert verify(folder / "2026/11/22/sample-v1-live.hoop", keys).state == "unfinished"


def test_version_1_every_byte_counts_still(tmp_path: Path) -> None:
    folder, key = old_folder(tmp_path), PublicKeys([read_public_key(VERSION_1 / "recording.pub")])
    path = folder / "2026/11/22/sample-v1-closed.hoop"
    data = path.read_bytes()
    for at in range(0, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert not verify(path, key).ok, at


def test_an_upgraded_gateway_ends_what_version_1_left_open(tmp_path: Path) -> None:
    """The file stays one of version 1: its entries are in the clear, its end is signed by the key of today."""
    folder = old_folder(tmp_path)
    (done,) = now(recorder(tmp_path).recover())
    assert (done.session, done.outcome, done.count) == ("sample-v1-live", "interrupted", 2)
    found = list(Library(folder).read("sample-v1-live"))
    assert [entry["kind"] for entry in found] == ["open", "command", "command", "close"]
    assert verify_folder(folder, public_keys(tmp_path)).ok


def test_many_entries_of_one_segment_and_one_of_many(tmp_path: Path) -> None:
    recording = recorder(tmp_path).open(session())
    for number in range(500):
        recording.write(outcome(tag=f"SELECT {number}"), lazy=True)
    recording.write(Entry("command", {"text": "x" * 3_000_000}))
    now(recording.close(Outcome("closed")))
    found = list(Library(tmp_path / "recordings").read("session-0001"))
    assert [entry["n"] for entry in found] == list(range(503))
    assert found[7]["tag"] == "SELECT 6"
    assert len(found[501]["text"]) == 3_000_000


def test_nothing_of_an_entry_is_in_the_file_in_the_clear(tmp_path: Path) -> None:
    path = recorded(tmp_path, command("select 'in the clear'"), outcome(tag="IN THE CLEAR"))
    assert b"in the clear" not in path.read_bytes().lower()


def test_without_a_key_the_header_is_all(tmp_path: Path) -> None:
    path = recorded(tmp_path, command())
    found = reading.entries(path, KeyRing())
    assert next(found)["session"] == "session-0001"
    with pytest.raises(RecordingSealed, match="not at hand"):
        next(found)


def test_what_stands_out_of_place(tmp_path: Path) -> None:
    path = recorded(tmp_path, command(), command())
    parts = split(path.read_bytes())
    for changed in ([parts[0], *parts[2:]], [*parts, parts[2]], [*parts[:2], parts[1], *parts[2:]]):
        path.write_bytes(resealed(changed))
        with pytest.raises(RecordingDamaged):
            list(entries(path))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.binary(max_size=300), st.booleans())
def test_any_file_is_entries_or_damaged(tmp_path: Path, data: bytes, old: bool) -> None:
    path = tmp_path / "session-0001.hoop"
    path.write_bytes((b"HOOPREC1\n" if old else b"HOOPREC2\n") + data)
    try:
        assert list(entries(path)) == []
    except RecordingDamaged as error:
        assert error.offset >= 0
