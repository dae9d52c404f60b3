"""Key files: what is in them, and that what is destroyed is gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import command, recorded
from twisted_hoop.errors import RecordingDamaged, RecordingFailed, RecordingSealed
from twisted_hoop.recording import data_keys
from twisted_hoop.recording.data_keys import WrappedKey
from twisted_hoop.recording.keys import public_keys
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.verification import verify, verify_folder

WRAPPED = WrappedKey("session-0001", "ab" * 32, "file", "cd" * 8, "ef" * 40)


def test_what_is_stored_is_read_and_is_private(tmp_path: Path) -> None:
    data_keys.store(tmp_path / "session-0001.hoop", WRAPPED)
    data_keys.sync(tmp_path / "session-0001.hoop")
    assert data_keys.read(tmp_path / "session-0001.hoop") == WRAPPED
    assert data_keys.key_path(tmp_path / "session-0001.hoop").stat().st_mode & 0o777 == 0o600


def test_a_key_file_is_never_replaced(tmp_path: Path) -> None:
    data_keys.store(tmp_path / "session-0001.hoop", WRAPPED)
    with pytest.raises(RecordingFailed, match="exists"):
        data_keys.store(tmp_path / "session-0001.hoop", WRAPPED)


def test_a_destroyed_key_closes_the_recording_for_good_and_it_still_verifies(tmp_path: Path) -> None:
    path = recorded(tmp_path, command("select 'a secret'"))
    library = Library(tmp_path / "recordings")
    before = data_keys.read(path)
    assert data_keys.destroy(path) == before.key
    assert not data_keys.key_path(path).exists()
    reading = library.read("session-0001")
    assert next(reading)["key"] == before.key
    with pytest.raises(RecordingSealed, match="destroyed"):
        next(reading)
    assert library.summary("session-0001").state == "closed"
    assert verify(path, public_keys(tmp_path)).ok
    assert verify_folder(tmp_path / "recordings", public_keys(tmp_path)).ok


def test_destroying_twice_and_what_never_had_a_key(tmp_path: Path) -> None:
    path = recorded(tmp_path, command())
    assert data_keys.destroy(path)
    assert data_keys.destroy(path) == ""
    assert data_keys.destroy(tmp_path / "nowhere" / "session-0009.hoop") == ""


def test_an_unreadable_key_file_is_destroyed_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "session-0001.hoop"
    data_keys.key_path(path).write_bytes(b"{")
    assert data_keys.destroy(path) == "unreadable"
    assert not data_keys.key_path(path).exists()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "session-0001.hoop"
    (tmp_path / "elsewhere").write_text("mine")
    data_keys.key_path(path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordingFailed):
        data_keys.destroy(path)
    assert (tmp_path / "elsewhere").read_text() == "mine"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_wrapped_key_or_damaged(data: bytes) -> None:
    with pytest.raises(RecordingDamaged):
        WrappedKey.parse(data)
