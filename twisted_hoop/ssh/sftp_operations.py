"""What an sftp request does: which class, which paths, in which words. Pure.

* OPEN is file-read, file-write or both, each judged by itself; CREATE, TRUNCATE and APPEND count as writing.
* OPENDIR, STAT, LSTAT, READLINK, statvfs@ and REALPATH of anything but "." look without reading content: file-read with
  flag `listing`. READDIR, FSTAT, READ, WRITE and the like need a handle, whose opening was judged.
* REMOVE and RMDIR are file-remove; MKDIR is file-write.
* SETSTAT, FSETSTAT, RENAME, SYMLINK and the hard link are file-change, with every path they name; FSETSTAT of the size
  alone is file-write, as clients cut the file they have written.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from twisted_hoop.model import Command, Facts
from twisted_hoop.ssh import sftp_packets as sftp
from twisted_hoop.ssh.fields import Reader, string
from twisted_hoop.ssh.remote_paths import RemotePath, beside, resolve
from twisted_hoop.ssh.transfers import file_facts

LISTING: Final = frozenset(("listing",))

PASSED_EXTENSIONS: Final = frozenset((b"limits@openssh.com", b"home-directory", b"users-groups-by-id@openssh.com"))
"""Extensions that name no file: they tell about the server, an account's home folder, names of accounts."""
HANDLE_EXTENSIONS: Final = frozenset((b"fstatvfs@openssh.com", b"fsync@openssh.com"))
"""Extensions on a handle."""
COPY: Final = b"copy-data"


@dataclass(frozen=True, slots=True)
class Operation:
    """A request that must be asked for. `packet` is what is sent when it is admitted."""

    kind: int
    request: int
    command: Command
    packet: bytes
    path: str = ""

    @property
    def opens(self) -> bool:
        """Whether its answer is a handle."""
        return self.kind in (sftp.OPEN, sftp.OPENDIR)

    def judged_as(self, kind: str) -> bool:
        """Whether it was asked for as that class."""
        return any(kind in facts["class"] for facts in self.command.facts)


class Unjudgeable(ValueError):
    """A name that cannot be judged; `str()` says why."""


class OperationReader:
    """Reads requests that name files. `home` is the folder where relative names begin, "" when it is not known."""

    __slots__ = ("home",)

    def __init__(self, home: str = "") -> None:
        self.home = home

    def _path(self, raw: bytes) -> RemotePath:
        found = resolve(raw, self.home)
        if found is None:
            raise Unjudgeable("this name cannot be judged: it holds a NUL, or climbs above an unknown home folder")
        return found

    def read(self, kind: int, request: int, reader: Reader) -> Operation | None:
        """The operation, or None for a kind of request that is not known here.

        Raises Unjudgeable, or MalformedMessage for a packet that does not follow the draft.
        """
        known = _READERS.get(kind)
        return None if known is None else known[0](self, kind, request, reader, known[1])

    def extended(self, name: bytes, request: int, reader: Reader) -> Operation | None:
        """The same for an extension."""
        known = _EXTENSIONS.get(name)
        if known is None:
            return None
        made = known[0](self, sftp.EXTENDED, request, reader, known[1])
        body = made.packet[9:]
        return _operation(sftp.EXTENDED, request, made.command, string(name) + body, made.path)

    def change_of_handle(self, request: int, path: str, packet: bytes, words: str) -> Operation:
        """FSETSTAT: like SETSTAT of the path that the handle was opened with; cutting to a size is part of writing."""
        kind = "file-write" if _ONLY_SIZE.fullmatch(words) else "file-change"
        facts = file_facts(kind, "write", frozenset((path,)))
        command = _command("sftp-setstat", f"setstat {shlex.quote(path)} {words}".rstrip(), (path,), facts)
        return Operation(sftp.FSETSTAT, request, command, packet, path)

    def _open(self, kind: int, request: int, reader: Reader, word: str) -> Operation:
        path = self._path(reader.string())
        flags = reader.uint32()
        rest = reader.rest()
        words = sftp.attributes(attributes := Reader(rest))
        attributes.end()
        facts = []
        if flags & sftp.READ_FLAG or not flags & ~sftp.READ_FLAG:
            facts.append(file_facts("file-read", "read", frozenset((path.fact,))))
        if flags & ~sftp.READ_FLAG:
            facts.append(file_facts("file-write", "write", frozenset((path.fact,))))
        text = f"open {_shown(path)} ({sftp.open_words(flags)}) {words}".rstrip()
        command = _command("sftp-open", text, (path.text,), *facts)
        body = string(path.wire) + flags.to_bytes(4, "big") + rest
        return _operation(kind, request, command, body, path.text)

    def _look(self, kind: int, request: int, reader: Reader, word: str) -> Operation:
        raw = reader.string()
        if word == "expand-path":
            raw = _HOME.sub(b"", raw)
            if raw.startswith(b"~"):  # the server would look into somebody else's home
                raise Unjudgeable("this name cannot be judged: it begins with the home folder of a user")
        path = self._path(raw)
        reader.end()
        facts = file_facts("file-read", "read", frozenset((path.fact,)), LISTING)
        command = _command(f"sftp-{word}", f"{word} {_shown(path)}", (path.text,), facts)
        return _operation(kind, request, command, string(path.wire), path.text)

    def _remove(self, kind: int, request: int, reader: Reader, word: str) -> Operation:
        path = self._path(reader.string())
        reader.end()
        facts = file_facts("file-remove", "write", frozenset((path.fact,)))
        command = _command(f"sftp-{word}", f"{word} {_shown(path)}", (path.text,), facts)
        return _operation(kind, request, command, string(path.wire), path.text)

    def _change(self, kind: int, request: int, reader: Reader, word: str) -> Operation:
        """MKDIR, SETSTAT and lsetstat@: a path and attributes."""
        path = self._path(reader.string())
        rest = reader.rest()
        words = sftp.attributes(attributes := Reader(rest))
        attributes.end()
        made = word == "mkdir"
        facts = file_facts("file-write" if made else "file-change", "write", frozenset((path.fact,)))
        command = _command(f"sftp-{word}", f"{word} {_shown(path)} {words}".rstrip(), (path.text,), facts)
        return _operation(kind, request, command, string(path.wire) + rest, path.text)

    def _rename(self, kind: int, request: int, reader: Reader, word: str) -> Operation:
        old, new = self._path(reader.string()), self._path(reader.string())
        reader.end()
        return self._pair(word, kind, request, old, new, old.wire)

    def _symlink(self, kind: int, request: int, reader: Reader, word: str) -> Operation:
        """OpenSSH's order: where the link leads, then its name; the draft has it the other way round. All is judged.

        The link's target is sent as it is: it is text in the link.
        """
        leads, link = reader.string(), self._path(reader.string())
        reader.end()
        target = self._path(beside(link, leads))
        also = self._path(leads)
        return self._pair(word, kind, request, target, link, leads, also.fact)

    def _pair(
        self, word: str, kind: int, request: int, first: RemotePath, second: RemotePath, wire: bytes, *also: str
    ) -> Operation:
        facts = file_facts("file-change", "write", frozenset((first.fact, second.fact, *also)))
        text = f"{word} {_shown(first)} {_shown(second)}"
        command = _command(f"sftp-{word}", text, (first.text, second.text), facts)
        return _operation(kind, request, command, string(wire) + string(second.wire), second.text)


def _shown(path: RemotePath) -> str:
    return shlex.quote(path.text)


def _command(action: str, text: str, paths: tuple[str, ...], *facts: Facts) -> Command:
    return Command(action, text, facts, parameters=paths)


def _operation(kind: int, request: int, command: Command, body: bytes, path: str) -> Operation:
    return Operation(kind, request, command, sftp.packet(kind, request.to_bytes(4, "big") + body), path)


_ONLY_SIZE: Final = re.compile("size=[0-9]+")
_HOME: Final = re.compile(rb"\A~(?:/+|\Z)")
_Builder = Callable[[OperationReader, int, int, Reader, str], Operation]
_READERS: Final[dict[int, tuple[_Builder, str]]] = {
    sftp.OPEN: (OperationReader._open, "open"),
    sftp.OPENDIR: (OperationReader._look, "list"),
    sftp.STAT: (OperationReader._look, "stat"),
    sftp.LSTAT: (OperationReader._look, "lstat"),
    sftp.READLINK: (OperationReader._look, "readlink"),
    sftp.REALPATH: (OperationReader._look, "realpath"),
    sftp.REMOVE: (OperationReader._remove, "remove"),
    sftp.RMDIR: (OperationReader._remove, "rmdir"),
    sftp.MKDIR: (OperationReader._change, "mkdir"),
    sftp.SETSTAT: (OperationReader._change, "setstat"),
    sftp.RENAME: (OperationReader._rename, "rename"),
    sftp.SYMLINK: (OperationReader._symlink, "symlink"),
}
_EXTENSIONS: Final[dict[bytes, tuple[_Builder, str]]] = {
    b"posix-rename@openssh.com": (OperationReader._rename, "rename"),
    b"hardlink@openssh.com": (OperationReader._rename, "link"),
    b"statvfs@openssh.com": (OperationReader._look, "statvfs"),
    b"expand-path@openssh.com": (OperationReader._look, "expand-path"),
    b"lsetstat@openssh.com": (OperationReader._change, "lsetstat"),
}

KNOWN_EXTENSIONS: Final = frozenset((*PASSED_EXTENSIONS, *HANDLE_EXTENSIONS, COPY, *_EXTENSIONS))
"""Every extension that passes; others are taken out of the target's list, and refused when they are used (S22)."""
