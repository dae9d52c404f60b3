"""Names, places and modes of recordings on disk (R9, R11). Plain system calls, none of them slow."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from twisted_hoop.errors import ConfigurationError, RecordingFailed, UnknownRecording

SUFFIX = ".hoop"
LEDGER = "ledger.hoop"
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")


def checked_id(name: str) -> str:
    """The id, or UnknownRecording: nothing else ever becomes part of a path (R9)."""
    if not _ID.fullmatch(name):
        raise UnknownRecording("a recording's id has 8 to 64 letters, digits, hyphens and underscores")
    return name


def private_folder(path: Path) -> Path:
    """Make the folder, and those above it, with mode 0700 whatever the umask allows (R11)."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def check_private(path: Path) -> None:
    """Raise ConfigurationError when group or others can read or write the folder (R2, R11)."""
    mode = path.stat().st_mode
    if stat.S_IMODE(mode) & 0o077:
        raise ConfigurationError([f"{path}: others can reach this folder: chmod 700 {path}"])


def relative_path(session: str, started: float) -> str:
    """`YYYY/MM/DD/<id>.hoop`, the day in UTC."""
    return time.strftime("%Y/%m/%d/", time.gmtime(started)) + checked_id(session) + SUFFIX


def create(path: Path) -> int:
    """A descriptor of a file that did not exist, mode 0600, locked for as long as it is open; or RecordingFailed.

    The lock tells other processes' recovery that this recording is live.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise RecordingFailed(f"cannot create {path}: {error.strerror}") from error
    if not lock(descriptor):
        os.close(descriptor)
        raise RecordingFailed(f"cannot lock {path}")
    return descriptor


def opened(path: Path, flags: int = os.O_RDONLY | os.O_NOFOLLOW) -> int:
    """A descriptor of a file that is there; OSError also for what is no file: a pipe would have us wait for ever."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is no file", str(path))


def sync_folders(day: Path) -> None:
    """Put the names of a day's recordings, and of the day, month and year, on disk. Blocking."""
    for folder in (day, *day.parents[:3]):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def lock(descriptor: int) -> bool:
    """Take the file's exclusive lock if nobody has it. Others that only look (`is_locked`) hold it for a moment: that
    much, 20 ms at most, is waited for.
    """
    for pause in (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.0):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if is_locked(descriptor):
                return False
            time.sleep(pause)
        except OSError as error:
            raise RecordingFailed(f"cannot lock a recording: {error.strerror}") from error
        else:
            return True
    return False


def is_locked(descriptor: int) -> bool:
    """Whether another open file holds the lock: the recording is live."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def require_space(folder: Path, mebibytes: int) -> None:
    """Raise RecordingFailed when less is free where recordings go (R1: rather no session than half a recording)."""
    try:
        space = os.statvfs(folder)
    except OSError as error:
        raise RecordingFailed(f"cannot look at {folder}: {error.strerror}") from error
    free = space.f_bavail * space.f_frsize >> 20
    if free < mebibytes:
        raise RecordingFailed(f"only {free} MiB are free for recordings, {mebibytes} are asked for")


def days(folder: Path) -> Iterator[Path]:
    """The day folders that exist, newest first."""
    for year in _numbered(folder, 4):
        for month in _numbered(year, 2):
            yield from _numbered(month, 2)


def _numbered(folder: Path, digits: int) -> list[Path]:
    pattern = "[0-9]" * digits
    return sorted((path for path in folder.glob(pattern) if path.is_dir()), reverse=True)


def recordings(day: Path) -> list[Path]:
    """The recordings of one day, in no useful order."""
    return [path for path in day.glob("*" + SUFFIX) if _ID.fullmatch(path.stem)]


def find(folder: Path, session: str) -> Path | None:
    """Where a recording lies, or None. Raises UnknownRecording for what is no id (R9)."""
    name = checked_id(session) + SUFFIX
    return next((path for day in days(folder) if (path := day / name).is_file()), None)
