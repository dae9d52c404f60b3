"""Where a body ends: its bytes without their framing (RFC 9112, sections 6 and 7). Pure, and nothing is collected."""

from __future__ import annotations

import re
from typing import Protocol

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.messages import Framing

MAX_LINE = 256
"""Bytes of a chunk's size and its extensions (K7)."""
MAX_TRAILERS = 16 * 1024
"""Bytes of trailers, which are dropped."""
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t -~\x80-\xff]*)?")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*")


class Body(Protocol):
    """One body. `complete` when its end was seen; what came behind it is `surplus`."""

    complete: bool
    surplus: bytes

    def feed(self, data: bytes) -> bytes:
        """Bytes as they came; answers what they hold of the body. Raises ProtocolError."""


def body_of(framing: Framing, length: int) -> Body:
    """The body of a message that is framed so."""
    if framing is Framing.CHUNKED:
        return ChunkedBody()
    if framing is Framing.CLOSE:
        return CloseBody()
    return LengthBody(length if framing is Framing.LENGTH else 0)


def outgoing_framing(framing: Framing, complete: bool, filtered: bool) -> Framing:
    """How a body is sent on that came framed so: `complete` when all of it is there, `filtered` when it may change."""
    if framing is Framing.NONE:
        return Framing.NONE
    if complete:
        return Framing.LENGTH
    return Framing.CHUNKED if filtered or framing is Framing.CHUNKED else Framing.LENGTH


class LengthBody:
    """A body of known length, which may be none."""

    __slots__ = ("_left", "complete", "surplus")

    def __init__(self, length: int) -> None:
        self._left = length
        self.complete = not length
        self.surplus = b""

    def feed(self, data: bytes) -> bytes:
        """See Body."""
        size = len(data)
        if size < self._left:
            self._left -= size
            return data
        end, self._left, self.complete = self._left, 0, True
        if size > end:
            self.surplus += data[end:]
            return data[:end]
        return data


class CloseBody:
    """A body that ends with its connection: `complete` is set by who sees that."""

    __slots__ = ("complete", "surplus")

    def __init__(self) -> None:
        self.complete = False
        self.surplus = b""

    def feed(self, data: bytes) -> bytes:
        """See Body."""
        return data


class ChunkedBody:
    """A chunked body, read strictly: sizes in hexadecimal, every line ended by CR LF, nothing else in between (K7)."""

    __slots__ = ("_left", "_rest", "_trailers", "complete", "surplus")

    def __init__(self) -> None:
        self._left = 0
        """Bytes of the current chunk that are to come, with the CR LF behind them; 0 between chunks."""
        self._rest = b""
        self._trailers = -1
        self.complete = False
        self.surplus = b""

    def feed(self, data: bytes) -> bytes:
        """See Body."""
        if self.complete:
            self.surplus += data
            return b""
        if self._rest:
            data, self._rest = self._rest + data, b""
        pieces: list[bytes] = []
        place, size = 0, len(data)
        while place < size and not self.complete:
            if self._left > 2:
                place = self._content(data, place, size, pieces)
            elif self._left:
                place = self._chunk_end(data, place)
            else:
                place = self._line(data, place)
                if place < 0:
                    break
        self.surplus = data[place:] if self._ended() else b""
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _ended(self) -> bool:
        return self.complete

    def _content(self, data: bytes, place: int, size: int, pieces: list[bytes]) -> int:
        end = min(place + self._left - 2, size)
        pieces.append(data[place:end])
        self._left -= end - place
        return end

    def _chunk_end(self, data: bytes, place: int) -> int:
        wanted = b"\r\n"[2 - self._left :]
        got = data[place : place + self._left]
        if not wanted.startswith(got):
            raise ProtocolError("a chunk does not end where it should (K7)")
        self._left -= len(got)
        return place + len(got)

    def _line(self, data: bytes, place: int) -> int:
        """One line of framing; -1 when it is not all there."""
        end = data.find(b"\r\n", place, place + MAX_LINE + 2 if self._trailers < 0 else place + MAX_TRAILERS)
        if end < 0:
            if len(data) - place > (MAX_LINE if self._trailers < 0 else MAX_TRAILERS):
                raise ProtocolError("a line of chunked framing is too long (K7)")
            if data.find(b"\n", place) >= 0:
                raise ProtocolError("a line of chunked framing does not end in CR LF (K7)")
            self._rest = data[place:]
            return -1
        self._framed(data[place:end])
        return end + 2

    def _framed(self, line: bytes) -> None:
        if self._trailers >= 0:
            self._trailer(line)
            return
        found = _SIZE.fullmatch(line)
        if found is None:
            raise ProtocolError("a chunk has no proper size (K7)")
        size = int(found[1], 16)
        if size:
            self._left = size + 2
        else:
            self._trailers = 0

    def _trailer(self, line: bytes) -> None:
        if not line:
            self.complete = True
            return
        self._trailers += len(line) + 2
        if self._trailers > MAX_TRAILERS or _TRAILER.fullmatch(line) is None:
            raise ProtocolError("the trailers are malformed or too long (K7)")
