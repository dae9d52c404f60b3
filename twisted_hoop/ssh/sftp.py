"""The judge of an sftp subsystem: every operation on a name is asked for; content passes as bytes (S15, S22). Pure.

Between the client's and the target's stream of protocol version 3. Packets are cut again however they arrive. What
names a file becomes an Ask; what is refused is answered here with PERMISSION_DENIED, in its place, and never reaches
the target; while a question waits, so does everything behind it. Content (WRITE, DATA) is counted and passed on in
pieces, never kept. At the first answer the gateway asks the target for the home folder (REALPATH "."), so that relative
names are judged by their full path. Extensions that are not known here are taken out of the target's list and refused.

A boundary: which names are opened, changed, removed, listed, by their text. Not a boundary: where symbolic links that
are already at the target lead, what REALPATH "." tells, what READDIR lists below an admitted folder.
"""

from __future__ import annotations

import struct
from typing import Final

from twisted_hoop.errors import ProtocolError
from twisted_hoop.model import Refusal, Verdict
from twisted_hoop.ssh import sftp_packets as sftp
from twisted_hoop.ssh.fields import Reader, string
from twisted_hoop.ssh.sftp_answers import Answers
from twisted_hoop.ssh.sftp_operations import COPY, HANDLE_EXTENSIONS, PASSED_EXTENSIONS, Operation, Unjudgeable
from twisted_hoop.ssh.sftp_operations import OperationReader as _Reader
from twisted_hoop.ssh.telling import refusal_text, said
from twisted_hoop.ssh.transfers import Operations, RemoteFile
from twisted_hoop.steps import Ask, Step, ToClient, ToTarget

_HEAD: Final = struct.Struct(">IB")
_LONGEST_HANDLE: Final = 256
_WRITE_FIXED: Final = 1 + 4 + 4 + 8 + 4


class SftpJudge:
    """See the module and transfers.py. `channel` and `command` stand on entries."""

    def __init__(self, channel: int = 0, command: int = 0) -> None:
        self._operations = Operations(channel, command)
        self._answers = Answers(self._operations)
        self._reader = _Reader()
        self._rest = b""
        self._held: list[bytes] = []
        self._question: Operation | None = None
        self._began = False
        self._body = 0
        self._writing: RemoteFile | None = None
        self._drop = False
        self._offset = 0

    def held_back(self) -> int:
        """See TransferJudge."""
        return sum(map(len, self._held))

    def client_received(self, data: bytes) -> list[Step]:
        """See TransferJudge."""
        if self._waits():
            self._held.append(data)
            return []
        return joined(self._packets(data))

    def target_received(self, data: bytes) -> list[Step]:
        """See TransferJudge."""
        steps = self._answers.received(data)
        self._reader.home = self._answers.home
        if self._held and not self._waits():
            held, self._held = b"".join(self._held), []
            steps += self._packets(held)
        return joined(steps)

    def decided(self, verdict: Verdict) -> list[Step]:
        """See TransferJudge."""
        operation, self._question = self._question, None
        if operation is None:
            return []
        steps = self._refuse(operation, verdict) if isinstance(verdict, Refusal) else self._let(operation, verdict)
        held, self._held = b"".join(self._held), []
        return joined([*steps, *self._packets(held)])

    def finished(self) -> list[Step]:
        """See TransferJudge."""
        return self._answers.finished()

    def _waits(self) -> bool:
        return self._question is not None or (self._began and not self._answers.ready)

    def _let(self, operation: Operation, admission: Verdict) -> list[Step]:
        assert not isinstance(admission, Refusal)
        number, record = self._operations.admitted(admission)
        self._answers.expect_operation(operation, number, admission.decision.content)
        return [record, ToTarget(operation.packet)]

    def _refuse(self, operation: Operation, refusal: Refusal) -> list[Step]:
        text = refusal_text(refusal)
        answer = sftp.status(operation.request, sftp.PERMISSION_DENIED, text.replace("\n", " - "))
        # OpenSSH's client shows the code and not the message: the person reads the reason on stderr.
        told = [] if operation.command.action in _QUIET else [ToClient(said(text, False))]
        return [self._operations.refused(refusal), *told, ToClient(answer)]

    # -- the client's packets -------------------------------------------------------------------------------------

    def _packets(self, data: bytes) -> list[Step]:
        data = self._rest + data if self._rest else data
        steps: list[Step] = []
        at = 0
        while at < len(data) and not self._waits():
            size = self._content(data, at, steps) if self._body else self._packet(data, at, steps)
            if not size:
                break
            at += size
        self._rest = b""
        if self._waits():
            self._held = [data[at:]] if at < len(data) else []
        else:
            self._rest = data[at:] if at else data
        return steps

    def _packet(self, data: bytes, at: int, steps: list[Step]) -> int:
        """Handle the packet at `at`; answers how many bytes were used, 0 when more are needed."""
        if len(data) - at < _HEAD.size:
            return 0
        length: int = _HEAD.unpack_from(data, at)[0]
        kind = data[at + 4]
        if kind == sftp.WRITE and self._began:
            return self._write(data, at, length, steps)
        if not 1 <= length <= sftp.MAX:
            raise ProtocolError(f"sftp: a packet of {length} bytes (type {kind})")
        end = at + 4 + length
        if end > len(data):
            return 0
        steps += self._whole(kind, data[at:end])
        return 4 + length

    def _write(self, data: bytes, at: int, length: int, steps: list[Step]) -> int:
        """The front of a WRITE: its content follows, and passes in pieces."""
        if len(data) - at < 13:
            return 0
        request: int
        handle_size: int
        request, handle_size = struct.unpack_from(">II", data, at + 5)
        front = 4 + _WRITE_FIXED + handle_size
        if handle_size > _LONGEST_HANDLE or length < _WRITE_FIXED + handle_size:
            raise ProtocolError("sftp: a WRITE that does not fit its length")
        if len(data) - at < front:
            return 0
        handle = data[at + 13 : at + 13 + handle_size]
        offset, size = struct.unpack_from(">QI", data, at + 13 + handle_size)
        if size != length - _WRITE_FIXED - handle_size:
            raise ProtocolError("sftp: a WRITE that does not fit its length")
        file = self._answers.file(handle)
        file = file if file is not None and file.writes else None  # S15: what a handle may do was judged when it opened
        self._body, self._writing, self._offset, self._drop = size, file, offset, file is None
        if file is None:
            steps.append(ToClient(_no_handle(request)))
        else:
            self._answers.expect(request)
            steps.append(ToTarget(data[at : at + front]))
        return front

    def _content(self, data: bytes, at: int, steps: list[Step]) -> int:
        piece = data[at : at + self._body]
        self._body -= len(piece)
        if not self._drop and self._writing is not None:
            self._writing.written.passed(piece, self._offset)
            if self._writing.content:
                steps.append(self._operations.content(self._writing, "input", piece, self._offset))
            steps.append(ToTarget(piece))
        self._offset += len(piece)
        return len(piece)

    def _whole(self, kind: int, packet: bytes) -> list[Step]:
        reader = Reader(packet[_HEAD.size :])
        if not self._began:
            return self._init(kind, reader)
        request = reader.uint32()
        if self._answers.is_expected(request):
            raise ProtocolError("sftp: the id of a request that has no answer yet")
        try:
            if kind in _ON_HANDLES:
                return self._on_handle(kind, request, reader, packet)
            if kind == sftp.EXTENDED:
                return self._extended(request, reader, packet)
            if kind == sftp.REALPATH and packet[9:] in _HOMES:
                return self._pass(request, packet)
            operation = self._reader.read(kind, request, reader)
        except Unjudgeable as error:
            return [ToClient(sftp.status(request, sftp.NO_SUCH_FILE, f"hoop: {error}"))]
        return self._ask(operation) if operation is not None else self._unsupported(request, f"request {kind}")

    def _init(self, kind: int, reader: Reader) -> list[Step]:
        version = reader.uint32()
        if kind != sftp.INIT or version < sftp.VERSION:
            raise ProtocolError("sftp: it does not begin with version 3 or later")
        self._began = True
        return [ToTarget(sftp.packet(sftp.INIT, sftp.VERSION.to_bytes(4, "big")))]

    def _ask(self, operation: Operation) -> list[Step]:
        self._question = operation
        return [Ask(operation.command)]

    def _pass(self, request: int, packet: bytes) -> list[Step]:
        self._answers.expect(request)
        return [ToTarget(packet)]

    def _unsupported(self, request: int, what: str) -> list[Step]:
        """S22: fail closed."""
        told = self._operations.notice(f"sftp: {what} is not supported")
        return [told, ToClient(sftp.status(request, sftp.OP_UNSUPPORTED, f"hoop: {what} is not supported"))]

    def _on_handle(self, kind: int, request: int, reader: Reader, packet: bytes) -> list[Step]:
        handle = reader.string()
        file = self._answers.file(handle)
        if file is None or (kind == sftp.READ and not file.reads):
            return [ToClient(_no_handle(request))]
        if kind == sftp.FSETSTAT:
            words = sftp.attributes(reader)
            reader.end()
            return self._ask(self._reader.change_of_handle(request, file.path, packet, words))
        if kind == sftp.CLOSE:
            self._answers.expect_close(request, handle)
        elif kind == sftp.READ:
            offset = sftp.uint64(reader)
            self._answers.expect_data(request, file, offset)
        else:
            self._answers.expect(request)
        return [ToTarget(packet)]

    def _extended(self, request: int, reader: Reader, packet: bytes) -> list[Step]:
        name = reader.string()
        if name in PASSED_EXTENSIONS:
            return self._pass(request, packet)
        if name in HANDLE_EXTENSIONS:
            known = self._answers.file(reader.string()) is not None
            return self._pass(request, packet) if known else [ToClient(_no_handle(request))]
        if name == COPY:
            return self._copy(request, reader, packet)
        operation = self._reader.extended(name, request, reader)
        if operation is None:
            return self._unsupported(request, f"extension {name.decode('utf-8', 'backslashreplace')}")
        return self._ask(operation)

    def _copy(self, request: int, reader: Reader, packet: bytes) -> list[Step]:
        """copy-data: from one open file to another, inside the target; both were asked for when they were opened."""
        source = self._answers.file(reader.string())
        sftp.uint64(reader)
        size = sftp.uint64(reader)
        copy = self._answers.file(reader.string())
        if source is None or copy is None or not (source.reads and copy.writes):
            return [ToClient(_no_handle(request))]
        copy.written.lose_order()
        told = self._operations.notice("sftp: copied inside the target", source=source.path, copy=copy.path, bytes=size)
        return [told, *self._pass(request, packet)]


_QUIET: Final = frozenset(("sftp-stat", "sftp-realpath", "sftp-statvfs"))
"""Clients look where they are about to write: that they may not look is no news for the person."""
_ON_HANDLES: Final = frozenset((sftp.CLOSE, sftp.READ, sftp.FSTAT, sftp.FSETSTAT, sftp.READDIR))
_HOMES: Final = frozenset((string(b"."), string(b"")))


def _no_handle(request: int) -> bytes:
    return sftp.status(request, sftp.FAILURE, "hoop: there is no such handle, or it was not opened for that")


def joined(steps: list[Step]) -> list[Step]:
    """The same steps with bytes that follow each other in one direction put together."""
    found: list[Step] = []
    run: list[bytes] = []
    kind: type[ToClient] | type[ToTarget] | None = None
    for step in steps:
        same = type(step) if isinstance(step, (ToClient, ToTarget)) and isinstance(step.data, bytes) else None
        if run and same is not kind and kind is not None:
            found.append(kind(b"".join(run)))
            run = []
        kind = same
        if kind is not None and isinstance(step, (ToClient, ToTarget)):
            run.append(step.data)
        else:
            found.append(step)
    if run and kind is not None:
        found.append(kind(b"".join(run)))
    return found
