"""What the gateway stands on: folders and who may read them, space, file descriptors. Blocks; changes nothing."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from twisted_hoop.config.files import check_files
from twisted_hoop.doctor.finding import Finding, State
from twisted_hoop.file_modes import open_to_others
from twisted_hoop.settings import Settings

_MIB = 1 << 20
_FEW_INODES = 10_000
_FOR_OTHERS = (".pub", ".lock")
"""Endings of files in the state folder that everybody may read."""


class Room(Protocol):
    """What statvfs(3) tells; numbers of blocks and inodes."""

    @property
    def f_frsize(self) -> int:
        """Bytes of a block."""

    @property
    def f_bavail(self) -> int:
        """Blocks that we may have."""

    @property
    def f_files(self) -> int:
        """Inodes in all; 0 where they are not counted."""

    @property
    def f_favail(self) -> int:
        """Inodes that we may have."""


def folders(settings: Settings) -> dict[str, Path]:
    """What is written to, by name."""
    state = Path(settings.gateway.state)
    return {"state": state, "recordings": Path(settings.recording.folder or state / "recordings")}


def look_at_folder(name: str, folder: Path) -> list[Finding]:
    """Whether it is there, ours, closed to others and can be written."""
    if not folder.exists():
        parent = next(each for each in folder.absolute().parents if each.exists())
        fine = os.access(parent, os.W_OK | os.X_OK)
        todo = "" if fine else f"install -d -m 700 -o ACCOUNT {folder}"
        what = f"{folder} is made at the first start" if fine else f"{folder} is missing and cannot be made in {parent}"
        return [Finding("folder", name, "ok" if fine else "error", what, todo)]
    found = list(_wrong_with(name, folder))
    return found or [Finding("folder", name, "ok", f"{folder} is ours, and closed to others")]


def _wrong_with(name: str, folder: Path) -> Iterator[Finding]:
    try:
        status = folder.stat()
        inside = [each for each in folder.iterdir() if each.is_file() and each.suffix not in _FOR_OTHERS]
    except OSError as error:
        todo = "run this as the gateway's account"
        yield Finding("folder", name, "error", f"{folder}: {error.strerror}", todo)
        return
    if status.st_uid != os.geteuid():
        what = f"{folder} belongs to uid {status.st_uid}, we are {os.geteuid()}"
        yield Finding("folder", name, "warning", what, "run this as the gateway's account, or chown the folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("folder", name, "error", f"{folder} cannot be written", "mount it read-write, give it the owner")
    if status.st_mode & 0o077:  # R11
        yield Finding("folder", name, "error", f"{folder} is open to others", f"chmod 700 {folder}")
    for each in inside:
        if open_to_others(each.stat().st_mode, each):
            yield Finding("folder", name, "error", f"{each} is open to others", f"chmod 600 {each}")


def look_at_room(name: str, folder: Path, least: int, statvfs: Callable[[Path], Room] = os.statvfs) -> list[Finding]:
    """Space and inodes where the folder is, or will be; `least` is in MiB."""
    here = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    room = statvfs(here)
    free = room.f_bavail * room.f_frsize // _MIB
    state: State = "error" if free < least else "warning" if free < 4 * least else "ok"
    todo = "" if state == "ok" else "free space, or let recordings go to object storage and leave the folder (spool)"
    found = [Finding("space", name, state, f"{here}: {free} MiB free, {least} MiB needed", todo)]
    if room.f_files and room.f_favail < _FEW_INODES:  # some file systems count none
        lack: State = "error" if not room.f_favail else "warning"
        what = f"{here}: {room.f_favail} inodes left; every recording takes two"
        found.append(Finding("space", name, lack, what, "remove small files, or make the file system anew with more"))
    return found


def look_at_files(settings: Settings, file: Path) -> list[Finding]:
    """Every file the configuration names: there, and closed to others where it is a secret."""
    problems = check_files(settings, file)
    if not problems:
        return [
            Finding("files", file.name, "ok", "what the configuration names is there, secrets are closed to others")
        ]
    return [_problem(each) for each in problems]


def _problem(problem: str) -> Finding:
    key, _, what = problem.partition(": ")
    command = what.rpartition(": ")[2] if ": chmod " in what else ""
    return Finding("files", key, "error", what, command or "put it there, readable by the gateway's account")


def look_at_descriptors(settings: Settings, soft: int | None = None) -> list[Finding]:
    """Whether file descriptors are enough for the sessions that the targets may have."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if soft is None else soft
    sessions = sum(target.limits.sessions for target in settings.targets) or 500
    wanted = settings.gateway.preauth_connections + 4 * sessions
    if limit in (resource.RLIM_INFINITY, -1) or limit >= wanted:
        return [Finding("limits", "open files", "ok", f"{limit} may be open, {wanted} are needed at most")]
    state: State = "error" if limit < 256 else "warning"
    what = f"{limit} may be open here; {sessions} sessions and those that log in need {wanted}"
    return [Finding("limits", "open files", state, what, f"LimitNOFILE={wanted} in the unit (ulimit -n {wanted} here)")]
