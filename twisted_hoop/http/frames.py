"""Frames of WebSocket connections (RFC 6455): read strictly, in pieces, and written anew. Pure: bytes in, pieces out.

A frame of up to WHOLE bytes is one piece; of a larger one what has come is passed on, so memory is bounded whatever
length a frame tells. Extensions are never agreed to: reserved bits are a fault.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.messages import Headers
from twisted_hoop.http.reading import without
from twisted_hoop.steps import Side

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
WHOLE = 64 * 1024
"""Bytes of payload up to which a frame is waited for."""
PORTION = 32 * 1024
"""Bytes of payload of the frames that are written: what clients of exec read at a time."""
MAX_FRAME = 1 << 40
"""Bytes that a frame may tell it has."""
MAX_CONTROL = 125
NORMAL, POLICY, INTERNAL = 1000, 1008, 1011
"""Status codes of CLOSE (section 7.4.1)."""
EXTENSIONS = frozenset({b"sec-websocket-extensions"})
"""Headers that are about them."""
_OPCODES = frozenset({CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG})


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a message, or a whole one: `first` and `last` tell.

    `opcode` is that of the message, never CONTINUATION. CLOSE, PING and PONG are always whole.
    """

    opcode: int
    data: bytes
    first: bool = True
    last: bool = True


class Frames:
    """Reads the frames of one side. Raises ProtocolError with that `side` for what is not RFC 6455."""

    __slots__ = ("_begun", "_ended", "_fin", "_key", "_left", "_masked", "_opcode", "_rest", "_side")

    def __init__(self, side: Side) -> None:
        self._side: Side = side
        self._masked = side == "client"
        self._rest = b""
        self._opcode = 0
        self._begun = False
        self._ended = False
        self._left = 0
        self._fin = True
        self._key = b""

    @property
    def ended(self) -> bool:
        """Whether it has sent CLOSE: nothing counts after that (section 5.5.1)."""
        return self._ended

    def feed(self, data: bytes) -> list[Piece]:
        """The pieces that are there now, in their order."""
        buffer = self._rest + data if self._rest else data
        found: list[Piece] = []
        at = 0
        while not self._ended and (end := self._next(buffer, at, found)) > at:
            at = end
        self._rest = b"" if self._ended else buffer[at:]
        return found

    def _next(self, buffer: bytes, at: int, found: list[Piece]) -> int:
        """Reads one frame, or a part of a large one: where what follows it begins; `at` when it must wait."""
        if self._left:
            return self._more(buffer, at, found)
        head = self._head(buffer, at)
        if head is None:
            return at
        start, opcode, fin, length, key = head
        if length > WHOLE:
            self._left, self._fin, self._key = length, fin, key
            self._opened(opcode)
            return self._more(buffer, start, found) if start < len(buffer) else start
        end = start + length
        if end > len(buffer):
            return at
        data = _unmasked(buffer[start:end], key)
        if opcode >= CLOSE:
            self._ended = opcode == CLOSE
            found.append(Piece(opcode, data))
            return end
        self._opened(opcode)
        self._passed(data, fin, found)
        return end

    def _opened(self, opcode: int) -> None:
        if opcode != CONTINUATION:
            self._opcode = opcode

    def _passed(self, data: bytes, last: bool, found: list[Piece]) -> None:
        found.append(Piece(self._opcode, data, not self._begun, last))
        self._begun = not last

    def _more(self, buffer: bytes, at: int, found: list[Piece]) -> int:
        end = min(at + self._left, len(buffer))
        if end == at:
            return at
        data = _unmasked(buffer[at:end], self._key)
        turned = (end - at) % 4
        self._key = self._key[turned:] + self._key[:turned]
        self._left -= end - at
        self._passed(data, self._fin and not self._left, found)
        return end

    def _head(self, buffer: bytes, at: int) -> tuple[int, int, bool, int, bytes] | None:
        """(where the payload begins, opcode, fin, length, key), None while it is not there."""
        if len(buffer) - at < 2:
            return None
        first, second = buffer[at], buffer[at + 1]
        opcode, fin = first & 15, first >= 128
        self._check(first, second, opcode, fin)
        length, start = second & 127, at + 2
        if length > MAX_CONTROL:
            size = 2 if length == 126 else 8
            if len(buffer) - start < size:
                return None
            length = int.from_bytes(buffer[start : start + size], "big")
            start += size
            if length <= (MAX_CONTROL if size == 2 else 0xFFFF) or length > MAX_FRAME:
                raise self._fault("the length of a frame is not written in its shortest form, or too large")
        if not self._masked:
            return start, opcode, fin, length, b""
        if len(buffer) - start < 4:
            return None
        return start + 4, opcode, fin, length, buffer[start : start + 4]

    def _check(self, first: int, second: int, opcode: int, fin: bool) -> None:
        if first & 0x70:
            raise self._fault("reserved bits of a frame are set though no extension was agreed to")
        if opcode not in _OPCODES:
            raise self._fault("a frame of a kind that RFC 6455 does not know")
        if (second >= 128) is not self._masked:
            raise self._fault("clients mask their frames, and servers never do (section 5.1)")
        if opcode >= CLOSE:
            if not fin or second & 127 > MAX_CONTROL:
                raise self._fault("a control frame in parts, or of more than 125 bytes (section 5.5)")
        elif (opcode == CONTINUATION) is not self._begun:
            raise self._fault("a message begins within another, or goes on without having begun (section 5.4)")

    def _fault(self, text: str) -> ProtocolError:
        return ProtocolError(text, self._side, "400")


def without_extensions(headers: Headers) -> Headers:
    """A request's headers without the extensions it offers: nobody here reads what is compressed."""
    return without(headers, EXTENSIONS)


def _unmasked(data: bytes, key: bytes) -> bytes:
    """Section 5.3; masking is its own reverse. Numbers as long as the data are the fastest way there is."""
    size = len(data)
    if not key or not size:
        return data
    keys = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(data, "little") ^ int.from_bytes(keys, "little")).to_bytes(size, "little")


def frame(to: Side, opcode: int, data: bytes, fin: bool = True) -> bytes:
    """One frame for that side; towards a target it is masked, by a key nobody could know (section 5.3)."""
    size = len(data)
    mask = 128 if to == "target" else 0
    head = bytes((opcode | (128 if fin else 0), mask | (size if size < 126 else 126 if size < 65536 else 127)))
    if size >= 126:
        head += size.to_bytes(2 if size < 65536 else 8, "big")
    if not mask:
        return head + data
    key = os.urandom(4)
    return head + key + _unmasked(data, key)


def close_frame(to: Side, code: int, reason: str = "") -> bytes:
    """CLOSE with a status, and as much of the reason as fits."""
    text = reason.encode("utf-8", "replace")[: MAX_CONTROL - 2].decode("utf-8", "ignore").encode()
    return frame(to, CLOSE, code.to_bytes(2, "big") + text)
