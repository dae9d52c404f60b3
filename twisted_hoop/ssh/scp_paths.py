"""The command line of scp at a target, and what the files of its stream are called there. Pure.

`scp -t PATH` takes files, `scp -f PATH…` gives them; the stream names them one by one. Whether PATH is a folder only
the target knows: a file then has two names that it may get, and both are judged.
"""

from __future__ import annotations

import fnmatch
import re
import shlex
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from twisted_hoop.ssh.remote_paths import RemotePath, resolve

Direction = Literal["upload", "download"]
_GLOB = frozenset("*?[{")
_SHELL = frozenset("$`")
_HOME = re.compile(r"\A~(?:/+|\Z)")


@dataclass(frozen=True, slots=True)
class ScpCommand:
    """What the command line says: `folder` when PATH must be one (-d, -r of several, or a trailing slash)."""

    direction: Direction
    paths: tuple[str, ...]
    folder: bool = False


def scp_command(text: bytes) -> ScpCommand | None:
    """Read `scp -t …` or `scp -f …`; None for anything else, and for flags that scp's own clients do not send."""
    try:
        words = shlex.split(text.decode("utf-8", "surrogateescape"))
    except ValueError:
        return None
    if not words or words[0].rpartition("/")[2] != "scp":
        return None
    at, flags = 1, set[str]()
    while at < len(words) and words[at].startswith("-") and words[at] != "--":
        flags |= set(words[at][1:])
        at += 1
    paths = tuple(words[at + 1 if words[at : at + 1] == ["--"] else at :])
    if not paths or flags - set("tfrdpvq") or len(flags & {"t", "f"}) != 1:
        return None
    if not all(map(_is_clear, paths)):
        return None
    paths = tuple(_HOME.sub("", path) or "." for path in paths)
    if "f" in flags:
        return ScpCommand("download", paths)
    if len(paths) > 1 or not _GLOB.isdisjoint(paths[0]):
        return None
    return ScpCommand("upload", paths, "d" in flags or paths[0].endswith("/") or paths[0] == ".")


def _is_clear(path: str) -> bool:
    """Whether the target's shell makes nothing else of it."""
    return _SHELL.isdisjoint(path) and not (path.startswith("~") and not _HOME.match(path))


class Names:
    """Where in the tree the stream is: D lines go down, E lines up."""

    __slots__ = ("_below", "_command")

    def __init__(self, command: ScpCommand) -> None:
        self._command = command
        self._below: list[frozenset[str]] = []

    @property
    def depth(self) -> int:
        """How many folders down."""
        return len(self._below)

    def of(self, name: str) -> frozenset[str]:
        """Every path that a file or folder of this name may have here, as facts have it."""
        return frozenset(found.fact for path in self._raw(name) if (found := _canonical(path)) is not None)

    def enter(self, name: str) -> None:
        """A D line was let through."""
        self._below.append(self._raw(name))

    def leave(self) -> None:
        """An E line."""
        self._below.pop()

    def _raw(self, name: str) -> frozenset[str]:
        if self._below:
            return frozenset(f"{folder}/{name}" for folder in self._below[-1])
        if self._command.direction == "upload":
            base = self._command.paths[0]
            inside = f"{base.rstrip('/')}/{name}"
            return frozenset((inside,)) if self._command.folder else frozenset((base, inside))
        return self._sources(name)

    def _sources(self, name: str) -> frozenset[str]:
        """Which of the arguments may have given a file of this name: by its last part, or else any."""
        found = {path for path in self._command.paths if PurePosixPath(path).name == name and _GLOB.isdisjoint(path)}
        for path in self._command.paths:
            last = PurePosixPath(path).name
            if not _GLOB.isdisjoint(path) and fnmatch.fnmatchcase(name, last):
                found.add(str(PurePosixPath(path).with_name(name)))
        if found:
            return frozenset(found)
        return frozenset(f"{_folder(path)}/{name}" for path in self._command.paths) | frozenset(self._command.paths)


def _folder(path: str) -> str:
    return path.rpartition("/")[0] or ("." if not path.startswith("/") else "")


def _canonical(path: str) -> RemotePath | None:
    return resolve(path.encode("utf-8", "surrogateescape"))
