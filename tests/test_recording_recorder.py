"""Making recordings."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from tests.support.recordings import STARTED, command, now, recorder, session
from twisted_hoop.errors import ConfigurationError, RecordingFailed
from twisted_hoop.interfaces import IRecorder
from twisted_hoop.model import Outcome
from twisted_hoop.recording import data_keys
from twisted_hoop.recording.files import relative_path
from twisted_hoop.recording.library import Library


def test_it_is_an_irecorder(tmp_path: Path) -> None:
    assert verifyObject(IRecorder, recorder(tmp_path))


def test_the_header_is_on_disk_before_anything_is_asked(tmp_path: Path) -> None:
    place = recorder(tmp_path)
    recording = place.open(session(), policy_version="v1")
    (header,) = Library(place.folder).read("session-0001")
    assert header["kind"] == "open"
    assert header["policy"] == "v1"
    assert header["gateway"] == "hoop-test"
    now(recording.close(Outcome("closed")))


def test_an_id_is_used_once(tmp_path: Path) -> None:
    place = recorder(tmp_path)
    place.open(session())
    with pytest.raises(RecordingFailed, match="File exists"):
        place.open(session())


def test_without_space_there_is_no_session_r1(tmp_path: Path) -> None:
    """R1: `minimum_free`."""
    with pytest.raises(RecordingFailed, match="MiB are free"):
        recorder(tmp_path, minimum_free=1 << 40).open(session())


def test_where_no_folder_can_be_made_there_is_no_session(tmp_path: Path) -> None:
    place = recorder(tmp_path)
    (place.folder / "2026").write_text("a file")
    with pytest.raises(RecordingFailed, match="cannot make a folder"):
        place.open(session())


def test_a_ledger_that_cannot_be_written_ends_the_session_r1(tmp_path: Path) -> None:
    """R1: a recording the ledger does not know of must not go on."""
    place = recorder(tmp_path)
    (place.folder / "ledger.hoop").mkdir()
    recording = place.open(session())
    with pytest.raises(RecordingFailed, match="ledger"):
        recording.write(command())
    with pytest.raises(RecordingFailed, match="ledger"):
        now(recording.close(Outcome("closed")))


def test_folder_and_key_are_configurable(tmp_path: Path) -> None:
    recorder(tmp_path / "other")
    folder, key = tmp_path / "elsewhere", tmp_path / "other" / "recording.key"
    place = recorder(tmp_path / "state", folder=str(folder), key=str(key))
    recording = place.open(session())
    assert (folder / recording.path).exists()
    assert (tmp_path / "state" / "recording.pub").read_bytes() == (tmp_path / "other" / "recording.pub").read_bytes()
    assert not (tmp_path / "state" / "recording.key").exists()


def test_a_folder_others_can_reach_is_refused_r2(tmp_path: Path) -> None:
    """R2, R11: recordings stand behind a folder nobody else may enter."""
    (tmp_path / "recordings").mkdir(mode=0o755)
    with pytest.raises(ConfigurationError, match="chmod 700"):
        recorder(tmp_path)


def test_files_are_0600_and_folders_0700_r11(tmp_path: Path) -> None:
    """R11: nothing below the state folder is for others, but the public key."""
    place = recorder(tmp_path / "state")
    recording = place.open(session())
    recording.write(command())
    now(recording.close(Outcome("closed")))
    for path in (tmp_path / "state").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600) or path.name == "recording.pub", path


def test_r1_a_key_that_cannot_be_kept_opens_no_session(tmp_path: Path) -> None:
    """R1: what could not be read again is not recorded, and so not done; nothing is left of it."""
    place = recorder(tmp_path)
    taken = data_keys.key_path(place.folder / relative_path("session-0001", STARTED))
    taken.parent.mkdir(parents=True, mode=0o700)
    taken.mkdir()
    with pytest.raises(RecordingFailed, match="cannot write the key"):
        place.open(session())
    assert (place.counts.opened, place.counts.failed) == (0, 1)
    taken.rmdir()
    assert now(recorder(tmp_path).recover()) == []
    assert place.open(session("session-0002")).id == "session-0002"


def test_counts_are_kept_for_metrics(tmp_path: Path) -> None:
    clock = Clock()
    place = recorder(tmp_path, clock)
    recording = place.open(session())
    recording.write(command())
    recording.write(command(), lazy=True)
    clock.advance(1)
    counts = place.counts
    size = (place.folder / recording.path).stat().st_size
    assert (counts.opened, counts.closed, counts.failed, counts.entries) == (1, 0, 0, 2)
    assert 0 < counts.bytes < size
    now(recording.close(Outcome("closed")))
    assert counts.closed == 1
