"""What scp and sftp have in common: files counted as they pass, operations asked for, and the entries of both. Pure.

A judge of transfers stands between the two byte streams of one command:

    judge.client_received(data) -> list[Step]    # ToTarget and ToClient carry bytes of stdin and stdout
    judge.target_received(data) -> list[Step]
    judge.decided(verdict)      -> list[Step]    # the answer to its Ask; at most one is outstanding
    judge.finished()            -> list[Step]    # the command is over: what is left to record
    judge.held_back()           -> int           # bytes of the client that wait behind the question

A ToClient may also carry a `Data` of STDERR: a word for the person, where the protocol has no room for one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted_hoop.model import Admission, Command, Entry, Facts, Refusal, Verdict
from twisted_hoop.recording.streams import stream_entry
from twisted_hoop.ssh.entries import command_entry, refused_entry
from twisted_hoop.steps import Record, Step


class TransferJudge(Protocol):
    """See the module."""

    def client_received(self, data: bytes) -> list[Step]:
        """Bytes of the client's side. Raises ProtocolError for what is not the protocol."""

    def target_received(self, data: bytes) -> list[Step]:
        """Bytes of the target's side. Raises ProtocolError(side="target")."""

    def decided(self, verdict: Verdict) -> list[Step]:
        """The answer to its question."""

    def finished(self) -> list[Step]:
        """The command is over: what is left to record."""

    def held_back(self) -> int:
        """Bytes of the client that wait behind the question."""


@dataclass(slots=True)
class Passage:
    """Bytes of one file in one direction. The digest holds while they pass in order, from the first one on."""

    size: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)

    def passed(self, data: bytes, offset: int | None = None) -> None:
        """`data` went by; `offset` is where it belongs in the file, when the protocol says so."""
        if self._digest is not None:
            if offset is None or offset == self.size:
                self._digest.update(data)
            else:
                self._digest = None
        self.size += len(data)

    def lose_order(self) -> None:
        """Something changed the file that did not pass here."""
        self._digest = None

    def told(self) -> dict[str, object]:
        """`bytes`, and `sha256` when it is known."""
        digest = self._digest.hexdigest() if self._digest is not None and self.size else None
        return {"bytes": self.size, "sha256": digest} if digest else {"bytes": self.size}


@dataclass(slots=True)
class RemoteFile:
    """A file that is open at the target. `content` asks for its bytes in the recording; `reads` and `writes` are what
    its opening was judged as.
    """

    path: str
    operation: int
    content: bool = False
    folder: bool = False
    reads: bool = True
    writes: bool = True
    read: Passage = field(default_factory=Passage)
    written: Passage = field(default_factory=Passage)


class Operations:
    """The operations of one transfer: numbered, and recorded with the number of the command they belong to."""

    __slots__ = ("_channel", "_command", "_number")

    def __init__(self, channel: int, command: int) -> None:
        self._channel = channel
        self._command = command
        self._number = 0

    def admitted(self, admission: Admission) -> tuple[int, Step]:
        """(number of the operation, the record of it)."""
        self._number += 1
        entry = command_entry(self._channel, self._command, admission, {"operation": self._number})
        return self._number, Record(_with_parameters(entry, admission.command))

    def refused(self, refusal: Refusal) -> Step:
        """The record of one that was not let through."""
        self._number += 1
        entry = refused_entry(self._channel, self._command, refusal)
        data = {**entry.data, "operation": self._number}
        return Record(_with_parameters(Entry(entry.kind, data), refusal.command))

    def outcome(self, operation: int, **more: object) -> Step:
        """How an operation ended."""
        data = {"channel": self._channel, "command": self._command, "operation": operation, **more}
        return Record(Entry("outcome", data))

    def notice(self, text: str, **more: object) -> Step:
        """Something that happened on the way."""
        return Record(Entry("notice", {"channel": self._channel, "command": self._command, "text": text, **more}))

    def closed(self, file: RemoteFile, **more: object) -> Step:
        """A file was closed: how much of it passed."""
        told: dict[str, object] = {"path": file.path}
        if not file.folder:
            told |= {name: told for name, told in _passages(file).items() if told["bytes"]}
        return self.outcome(file.operation, **told, **more)

    def content(self, file: RemoteFile, kind: str, data: bytes, offset: int | None = None) -> Step:
        """Bytes of a file whose content is recorded; `kind` is "input" or "output"."""
        entry = stream_entry(kind, self._channel, "file", data)
        place = {} if offset is None else {"offset": offset}
        return Record(Entry(kind, {**entry.data, "operation": file.operation, "path": file.path, **place}))


def _passages(file: RemoteFile) -> Mapping[str, dict[str, object]]:
    return {"read": file.read.told(), "written": file.written.told()}


def _with_parameters(entry: Entry, command: Command) -> Entry:
    return Entry(entry.kind, {**entry.data, "paths": list(command.parameters)}) if command.parameters else entry


def file_facts(kind: str, access: str, paths: frozenset[str], flags: frozenset[str] = frozenset()) -> Facts:
    """Facts of an operation on files: class file-read, file-write, file-remove or file-change."""
    facts = {"class": frozenset((kind,)), "path": paths, "access": frozenset((access,))}
    return {**facts, "flag": flags} if flags else facts
