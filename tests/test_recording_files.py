"""Names, places and modes."""

from __future__ import annotations

import fcntl
import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ConfigurationError, RecordingFailed, UnknownRecording
from twisted_hoop.recording import files


@given(st.text(max_size=80))
def test_an_id_is_checked_or_unknown(name: str) -> None:
    try:
        assert files.checked_id(name) == name
    except UnknownRecording:
        return
    assert 8 <= len(name) <= 64
    assert name.isascii()
    assert not set(name) & set("./\\\n\0 ")


def test_the_day_is_utc() -> None:
    assert files.relative_path("abcdefgh", 1_795_330_800.0) == "2026/11/22/abcdefgh.hoop"


def test_folders_are_private_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        made = files.private_folder(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    for folder in (made, made.parent, made.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_others_can_reach_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o750)
    with pytest.raises(ConfigurationError, match="chmod 700"):
        files.check_private(tmp_path / "open")


def test_a_file_is_made_once_and_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        descriptor = files.create(tmp_path / "x.hoop")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.hoop").stat().st_mode) == 0o600
    with pytest.raises(RecordingFailed, match="File exists"):
        files.create(tmp_path / "x.hoop")
    os.close(descriptor)


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "x.hoop").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordingFailed):
        files.create(tmp_path / "x.hoop")
    assert not (tmp_path / "elsewhere").exists()


def test_a_lock_is_seen_by_others_and_ends_with_the_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "x.hoop"
    writer = files.create(path)
    with path.open("rb") as reader, path.open("rb") as other:
        assert files.is_locked(reader.fileno())
        assert not files.lock(other.fileno())
        os.close(writer)
        assert not files.is_locked(reader.fileno())
        assert files.lock(other.fileno())


def test_too_little_space_is_a_failure(tmp_path: Path) -> None:
    files.require_space(tmp_path, 0)
    with pytest.raises(RecordingFailed, match="MiB are free"):
        files.require_space(tmp_path, 1 << 40)
    with pytest.raises(RecordingFailed, match="cannot look"):
        files.require_space(tmp_path / "nowhere", 0)


def test_days_come_newest_first_and_strangers_are_passed_over(tmp_path: Path) -> None:
    for name in ("2025/12/31", "2026/01/02", "2026/01/10", "other/01/01", "2026/x"):
        (tmp_path / name).mkdir(parents=True)
    days = [str(day.relative_to(tmp_path)) for day in files.days(tmp_path)]
    assert days == ["2026/01/10", "2026/01/02", "2025/12/31"]
    for name in ("abcdefgh.hoop", "a.hoop", "abcdefgh.torn"):
        (tmp_path / "2026/01/10" / name).touch()
    assert [path.name for path in files.recordings(tmp_path / "2026/01/10")] == ["abcdefgh.hoop"]
    assert files.find(tmp_path, "abcdefgh") == tmp_path / "2026/01/10/abcdefgh.hoop"
    assert files.find(tmp_path, "zbcdefgh") is None


def test_who_only_looks_whether_it_is_locked_keeps_nobody_from_locking_it(tmp_path: Path) -> None:
    """R5: `hoop verify` beside the gateway's recovery; that would take the recording for a live one."""
    path = tmp_path / "session-0001.hoop"
    path.touch()
    looks, locks = files.opened(path), files.opened(path)
    real = time.sleep
    fcntl.flock(looks, fcntl.LOCK_SH)
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        real(seconds)
        if len(slept) == 3:
            fcntl.flock(looks, fcntl.LOCK_UN)

    with pytest.MonkeyPatch.context() as context:
        context.setattr("twisted_hoop.recording.files.time.sleep", sleep)
        assert files.lock(locks) and len(slept) == 3
        assert files.is_locked(looks) and not files.lock(looks) and len(slept) == 3, "a writer is not waited for"
    os.close(looks)
    os.close(locks)
