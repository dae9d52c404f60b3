"""COPY's binary format: cutting a stream into its header, tuples and trailer.

Shape: 11 octets signature, Int32 flags, Int32 length of the header's extension, the extension; then tuples: Int16
number of fields, for each an Int32 length (-1: NULL) and that many octets; then the trailer, Int16 -1.
Source: PostgreSQL manual, COPY, "Binary Format".
"""

from __future__ import annotations

import struct
from typing import Final

from twisted_hoop.errors import ProtocolError
from twisted_hoop.masking.copylines import HELD_LIMIT, Side

SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
TRAILER: Final = b"\xff\xff"
_HEADER: Final = 19
_CRITICAL: Final = 0xFFFF0000

Cells = list[bytes | None]


class Tuples:
    """Reads a stream piece by piece. `feed` answers what it cut: octets to pass as they are, or a tuple's cells.

    Raises ProtocolError (of `side`) for a stream that does not follow the format, for flags of unknown meaning, and
    for a tuple beyond the limit.
    """

    __slots__ = ("_cells", "_header", "_left", "_need", "_parts", "_side", "_size", "_tuple", "ended")

    def __init__(self, side: Side) -> None:
        self._side: Side = side
        self._header = True
        self._cells: Cells = []
        self._left = -1
        self._tuple = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._need = _HEADER
        self.ended = False

    def feed(self, data: bytes) -> list[bytes | Cells]:
        self._parts.append(data)
        self._size += len(data)
        if self._size < self._need:
            return []
        data = b"".join(self._parts) if len(self._parts) > 1 else data
        out: list[bytes | Cells] = []
        at = 0
        if self._header:
            at = self._read_header(data)
            if at:
                out.append(data[:at])
        if not self._header:
            at = self._read_tuples(data, at, out)
        rest = data[at:]
        self._parts, self._size = ([rest] if rest else []), len(rest)
        return out

    def flush(self) -> None:
        """The stream is over. Raises ProtocolError when it stopped in the middle."""
        if self._size or self._left >= 0 or (not self.ended and self._side == "target"):
            raise self._malformed("ends in the middle")

    def _read_header(self, data: bytes) -> int:
        if not data.startswith(SIGNATURE):
            raise self._malformed("has no signature")
        flags, extension = struct.unpack(">Ii", data[11:_HEADER])
        if flags & _CRITICAL:
            raise self._malformed("has flags of unknown meaning")
        if not 0 <= extension <= HELD_LIMIT:
            raise self._malformed("has an impossible header")
        self._need = _HEADER + int(extension)
        if len(data) < self._need:
            return 0
        self._header = False
        return self._need

    def _read_tuples(self, data: bytes, at: int, out: list[bytes | Cells]) -> int:
        """Read as many tuples as there are; answers where the unread rest begins, of which `_need` octets must be had
        before it is worth looking again."""
        while True:
            if self._left < 0:
                if len(data) - at < 2:
                    self._need = 2
                    return at
                if self._begin(int.from_bytes(data[at : at + 2], "big", signed=True)):
                    out.append(TRAILER)
                at += 2
                continue
            at = self._read_cells(data, at)
            if self._left > 0:
                return at
            out.append(self._cells)
            self._cells, self._left, self._tuple = [], -1, 0

    def _begin(self, count: int) -> bool:
        """A tuple of that many fields begins; True for the trailer."""
        if self.ended:
            raise self._malformed("goes on after its end")
        if count < -1:
            raise self._malformed("has a tuple with a negative number of fields")
        self.ended = count == -1
        self._left = count
        return self.ended

    def _read_cells(self, data: bytes, at: int) -> int:
        size, cells = len(data), self._cells
        while self._left:
            if size - at < 4:
                self._need = 4
                return at
            length = int.from_bytes(data[at : at + 4], "big", signed=True)
            if length < -1 or self._tuple + length > HELD_LIMIT:
                raise self._malformed("has a field of impossible length, or more than the gateway holds back")
            body = at + 4
            if length > size - body:
                self._need = 4 + length
                return at
            cells.append(None if length == -1 else data[body : body + length])
            at = body + max(length, 0)
            self._tuple += max(length, 0)
            self._left -= 1
        return at

    def _malformed(self, what: str) -> ProtocolError:
        return ProtocolError(f"the binary COPY stream {what}", self._side)


def pack(cells: Cells) -> bytes:
    """A tuple's octets."""
    parts = [struct.pack(">h", len(cells))]
    for cell in cells:
        parts += (TRAILER * 2,) if cell is None else (struct.pack(">i", len(cell)), cell)
    return b"".join(parts)
