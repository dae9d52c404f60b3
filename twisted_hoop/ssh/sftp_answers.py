"""The target's side of an sftp subsystem: answers matched with what was asked, content counted as it passes. Pure.

An answer that nobody asked for, or of another kind than was asked for, ends the command (ProtocolError). Answers pass
as bytes, except three that are read: the version, whose list of extensions is cut to those that are known; the handle
of a file that was opened; and the home folder, which the gateway asks for itself.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh import sftp_packets as sftp
from twisted_hoop.ssh.fields import MalformedMessage, Reader, string
from twisted_hoop.ssh.sftp_operations import KNOWN_EXTENSIONS, Operation
from twisted_hoop.ssh.transfers import Operations, RemoteFile
from twisted_hoop.steps import Step, ToClient, ToTarget

_HEAD: Final = struct.Struct(">IBI")
_OWN: Final = 0xFFFFFFFF
"""Id of the gateway's own request; the client's requests wait until it is answered."""
_MOST: Final = 8192
"""Requests without an answer, and open handles, of one channel."""
_LONGEST_HANDLE: Final = 256
_CODES: Final = {
    sftp.NO_SUCH_FILE: "no such file",
    sftp.PERMISSION_DENIED: "permission denied",
    sftp.FAILURE: "failure",
    sftp.BAD_MESSAGE: "bad message",
    sftp.OP_UNSUPPORTED: "not supported",
}


@dataclass(frozen=True, slots=True)
class _Expected:
    """What an id stands for. `operation` 0: nothing that was asked for. `opening`: the file its handle will be."""

    operation: int = 0
    opening: RemoteFile | None = None
    path: str = ""
    file: RemoteFile | None = None
    reads: bool = False
    offset: int = 0


_PLAIN: Final = _Expected()


class Answers:
    """See the module. `ready`: the home folder is known, or known not to be; `home` is "" then."""

    def __init__(self, operations: Operations) -> None:
        self.ready = False
        self.home = ""
        self._operations = operations
        self._expected: dict[int, _Expected] = {}
        self._files: dict[bytes, RemoteFile] = {}
        self._rest = b""
        self._body = 0
        self._reading: RemoteFile | None = None
        self._offset = 0
        self._greeted = False

    # -- what the client's side says --------------------------------------------------------------------------------

    def file(self, handle: bytes) -> RemoteFile | None:
        """The open file of that handle."""
        return self._files.get(handle)

    def is_expected(self, request: int) -> bool:
        """Whether an answer to this id is still to come."""
        return request in self._expected

    def expect(self, request: int) -> None:
        """A request was sent on that needs no more than its answer."""
        self._expect(request, _PLAIN)

    def expect_data(self, request: int, file: RemoteFile, offset: int) -> None:
        """A READ was sent on."""
        self._expect(request, _Expected(file=file, reads=True, offset=offset))

    def expect_close(self, request: int, handle: bytes) -> None:
        """A CLOSE was sent on: the handle is nobody's from now on."""
        self._expect(request, _Expected(file=self._files.pop(handle)))

    def expect_operation(self, operation: Operation, number: int, content: bool) -> None:
        """An operation was admitted and sent on."""
        opening = None
        if operation.opens:
            access = operation.judged_as("file-read"), operation.judged_as("file-write")
            opening = RemoteFile(operation.path, number, content, operation.kind == sftp.OPENDIR, *access)
        self._expect(operation.request, _Expected(number, opening, operation.path))

    def _expect(self, request: int, expected: _Expected) -> None:
        if request in self._expected:
            raise ProtocolError("sftp: the id of a request that has no answer yet")
        if len(self._expected) >= _MOST:
            raise ProtocolError("sftp: too many requests without an answer")
        self._expected[request] = expected

    # -- the target's packets -------------------------------------------------------------------------------------

    def received(self, data: bytes) -> list[Step]:
        """Bytes of the target. Raises ProtocolError(side="target")."""
        try:
            return self._received(data)
        except MalformedMessage as error:
            raise ProtocolError(f"sftp: {error}", side="target") from error

    def _received(self, data: bytes) -> list[Step]:
        data = self._rest + data if self._rest else data
        steps: list[Step] = []
        at = 0
        while at < len(data):
            size = self._content(data, at, steps) if self._body else self._packet(data, at, steps)
            if not size:
                break
            at += size
        self._rest = data[at:]
        return steps

    def _content(self, data: bytes, at: int, steps: list[Step]) -> int:
        piece = data[at : at + self._body]
        self._body -= len(piece)
        file = self._reading
        if file is not None:
            file.read.passed(piece, self._offset)
            self._offset += len(piece)
            if file.content:
                steps.append(self._operations.content(file, "output", piece, self._offset - len(piece)))
        steps.append(ToClient(piece))
        return len(piece)

    def _packet(self, data: bytes, at: int, steps: list[Step]) -> int:
        if len(data) - at < _HEAD.size:
            return 0
        length, kind, request = _HEAD.unpack_from(data, at)
        if length < 5:
            raise ProtocolError("sftp: an answer without an id", side="target")
        if not self._greeted:
            return self._version(data, at, length, kind, steps)
        expected = self._expected.get(request)
        if expected is None:
            raise ProtocolError(f"sftp: an answer that nobody asked for (type {kind})", side="target")
        _fits(kind, expected)
        if kind == sftp.DATA:
            return self._data(data, at, length, request, expected, steps)
        if kind in (sftp.STATUS, sftp.HANDLE) or not self.ready:
            return self._whole(data, at, length, request, expected, steps)
        self._done(request)
        self._pass(data, at, length, steps)
        return _HEAD.size

    def _pass(self, data: bytes, at: int, length: int, steps: list[Step]) -> None:
        """The head of an answer whose rest passes in pieces."""
        steps.append(ToClient(data[at : at + _HEAD.size]))
        self._body, self._reading = length - 5, None

    def _data(self, data: bytes, at: int, length: int, request: int, expected: _Expected, steps: list[Step]) -> int:
        if len(data) - at < 13:
            return 0
        (size,) = struct.unpack_from(">I", data, at + 9)
        if size != length - 9:
            raise ProtocolError("sftp: DATA that does not fit its length", side="target")
        self._done(request)
        steps.append(ToClient(data[at : at + 13]))
        self._body, self._reading, self._offset = size, expected.file, expected.offset
        return 13

    def _whole(self, data: bytes, at: int, length: int, request: int, expected: _Expected, steps: list[Step]) -> int:
        """Answers that are read: they must be short."""
        if length > sftp.MAX:
            raise ProtocolError(f"sftp: an answer of {length} bytes", side="target")
        end = at + 4 + length
        if end > len(data):
            return 0
        self._done(request)
        packet = data[at:end]
        reader = Reader(packet[_HEAD.size :])
        if not self.ready:  # the client's requests wait until then: it can only be our own
            self._settle(packet[4], reader)
            return 4 + length
        if expected.opening is not None and packet[4] == sftp.HANDLE:
            self._opened(expected.opening, reader.string())
        else:
            steps += self._status(expected, reader.uint32())
        steps.append(ToClient(packet))
        return 4 + length

    def _done(self, request: int) -> None:
        del self._expected[request]

    def _opened(self, file: RemoteFile, handle: bytes) -> None:
        if len(self._files) >= _MOST or len(handle) > _LONGEST_HANDLE or handle in self._files:
            raise ProtocolError("sftp: a handle that is too long, in use, or one too many", side="target")
        self._files[handle] = file

    def _status(self, expected: _Expected, code: int) -> list[Step]:
        said = {} if code == sftp.OK else {"status": _CODES.get(code, str(code))}
        if expected.operation:
            return [self._operations.outcome(expected.operation, path=expected.path, **said)]
        if expected.file is not None and not expected.reads:
            return [self._operations.closed(expected.file, **said)]
        return []

    # -- the beginning --------------------------------------------------------------------------------------------

    def _version(self, data: bytes, at: int, length: int, kind: int, steps: list[Step]) -> int:
        if kind != sftp.VERSION_REPLY or length > sftp.MAX:
            raise ProtocolError("sftp: the target does not begin with its version", side="target")
        end = at + 4 + length
        if end > len(data):
            return 0
        reader = Reader(data[at + 5 : end])
        if reader.uint32() != sftp.VERSION:
            raise ProtocolError("sftp: the target does not speak version 3", side="target")
        steps.append(ToClient(sftp.packet(sftp.VERSION_REPLY, _known(reader))))
        self._greeted = True
        self._expected[_OWN] = _PLAIN
        steps.append(ToTarget(sftp.packet(sftp.REALPATH, _OWN.to_bytes(4, "big") + string(b"."))))
        return 4 + length

    def _settle(self, kind: int, reader: Reader) -> None:
        self.ready = True
        if kind == sftp.NAME and reader.uint32() == 1:
            name = reader.string().decode("utf-8", "surrogateescape")
            self.home = name if name.startswith("/") else ""

    # -- the end --------------------------------------------------------------------------------------------------

    def finished(self) -> list[Step]:
        """Files that nobody closed, or whose CLOSE was not answered."""
        closing = [each.file for each in self._expected.values() if each.file is not None and not each.reads]
        files = [*self._files.values(), *closing]
        self._files.clear()
        self._expected.clear()
        return [self._operations.closed(file, status="not closed") for file in files]


def _known(reader: Reader) -> bytes:
    body = sftp.VERSION.to_bytes(4, "big")
    while rest := reader.rest():
        reader = Reader(rest)
        name, value = reader.string(), reader.string()
        if name in KNOWN_EXTENSIONS:
            body += string(name) + string(value)
    return body


def _fits(kind: int, expected: _Expected) -> None:
    """Answers of a kind that the request does not have would confuse one of the three parties."""
    fits = kind == sftp.STATUS or (
        kind == sftp.HANDLE
        if expected.opening is not None
        else kind == sftp.DATA
        if expected.reads
        else kind in (sftp.NAME, sftp.ATTRS, sftp.EXTENDED_REPLY) and expected.file is None
    )
    if not fits:
        raise ProtocolError(f"sftp: an answer of type {kind} to another question", side="target")
