"""Frames of SPDY/3.1 as kubectl and API servers speak it: read strictly, written anew. Pure: bytes in, frames out.

Headers are compressed with one context for each direction; ours are other contexts than theirs, so that a stream which
may not be opened can be left out. There is no flow control: neither side of Kubernetes keeps count (spdystream), so
payloads may change their length. What neither side ever sends (HEADERS, streams for one side only) is a fault: others
might take it for a change of what was judged. Source: draft-mbelshe-httpbis-spdy-00 and the changes called 3.1.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Union

from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.spdy_words import DICTIONARY
from twisted_hoop.steps import Side

SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, PING, GOAWAY, HEADERS, WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 8, 9
FIN = 1
REFUSED_STREAM, CANCEL = 3, 5
"""Status codes of RST_STREAM."""
MAX_CONTROL = 64 * 1024
"""Bytes of a control frame, and of its headers when they are unpacked."""
MAX_HEADERS = 64
WHOLE = 64 * 1024
"""Bytes of data up to which a frame is waited for; of larger ones what has come is passed on."""
PORTION = 32 * 1024
"""Bytes of data of the frames that are written."""
_FIXED = {SYN_STREAM: 10, SYN_REPLY: 4}
"""Type → bytes in front of its headers."""
_SIZES = {RST_STREAM: 8, PING: 4, GOAWAY: 8, WINDOW_UPDATE: 8}
_STREAM = 0x7FFFFFFF

Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of a stream, perhaps a part of a frame's; `fin` is the end of what this side sends on it."""

    stream: int
    data: bytes
    fin: bool = False


@dataclass(frozen=True, slots=True)
class Control:
    """A control frame. `fixed` is its body up to its headers; of one without headers all of it."""

    kind: int
    flags: int
    fixed: bytes
    headers: Headers = ()

    @property
    def stream(self) -> int:
        """The stream it is about; the id of a PING, the last stream of a GOAWAY."""
        return int.from_bytes(self.fixed[:4], "big") & _STREAM

    def value(self, name: str) -> str:
        """The value of a header, "" when there is none."""
        return next((value for key, value in self.headers if key == name), "")


Frame = Union[Data, Control]


class SpdyReader:
    """Reads the frames of one side. Raises ProtocolError with that `side` for what is not SPDY/3.1."""

    __slots__ = ("_fin", "_inflater", "_left", "_rest", "_side", "_stream")

    def __init__(self, side: Side) -> None:
        self._side: Side = side
        self._inflater = zlib.decompressobj(zdict=DICTIONARY)
        self._rest = b""
        self._stream = self._left = 0
        self._fin = False

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are there now, in their order."""
        buffer = self._rest + data if self._rest else data
        found: list[Frame] = []
        at = 0
        while (end := self._next(buffer, at, found)) > at:
            at = end
        self._rest = buffer[at:]
        return found

    def _next(self, buffer: bytes, at: int, found: list[Frame]) -> int:
        if self._left:
            return self._more(buffer, at, found)
        if len(buffer) - at < 8:
            return at
        length = int.from_bytes(buffer[at + 5 : at + 8], "big")
        start, flags = at + 8, buffer[at + 4]
        if buffer[at] & 0x80:
            return self._control(buffer, at, length, found)
        self._stream, self._fin = int.from_bytes(buffer[at : at + 4], "big"), bool(flags & FIN)
        if flags & ~FIN or not self._stream:
            raise self._fault("a data frame of no stream, or with flags that SPDY/3 does not know")
        if length > WHOLE:
            self._left = length
            return self._more(buffer, start, found) if start < len(buffer) else start
        if len(buffer) - start < length:
            return at
        found.append(Data(self._stream, buffer[start : start + length], self._fin))
        return start + length

    def _more(self, buffer: bytes, at: int, found: list[Frame]) -> int:
        data = buffer[at : at + self._left]
        if not data:
            return at
        self._left -= len(data)
        found.append(Data(self._stream, data, self._fin and not self._left))
        return at + len(data)

    def _control(self, buffer: bytes, at: int, length: int, found: list[Frame]) -> int:
        version = int.from_bytes(buffer[at : at + 2], "big") & 0x7FFF
        kind = int.from_bytes(buffer[at + 2 : at + 4], "big")
        if version != 3 or length > MAX_CONTROL:
            raise self._fault("a control frame that is not SPDY/3, or too long")
        self._check_size(kind, length)
        end = at + 8 + length
        if end > len(buffer):
            return at
        body = buffer[at + 8 : end]
        split = _FIXED.get(kind)
        if kind == HEADERS or (kind == SYN_STREAM and buffer[at + 4] & ~FIN):
            raise self._fault("headers of a stream that is open already, or a stream for one side only")
        if split is None:
            found.append(Control(kind, buffer[at + 4], body))
        else:
            found.append(Control(kind, buffer[at + 4], body[:split], self._headers(body[split:])))
        return end

    def _check_size(self, kind: int, length: int) -> None:
        if kind in _FIXED:
            if length < _FIXED[kind]:
                raise self._fault("a control frame that is cut short")
        elif kind in _SIZES:
            if length != _SIZES[kind]:
                raise self._fault("a control frame of the wrong length")
        elif kind not in (SETTINGS, HEADERS) or length < 4:
            raise self._fault("a control frame of a kind that SPDY/3 does not know")

    def _headers(self, block: bytes) -> Headers:
        """S1's kind: what unpacks to more than MAX_CONTROL is a fault, not memory."""
        try:
            raw = self._inflater.decompress(block, MAX_CONTROL)
        except zlib.error:
            raise self._fault("headers that cannot be unpacked") from None
        if self._inflater.unconsumed_tail or self._inflater.eof:
            raise self._fault("headers that are too large, or whose context has ended")
        count, at = int.from_bytes(raw[:4], "big"), 4
        if count > MAX_HEADERS:
            raise self._fault("too many headers")
        found = []
        for _ in range(count):
            name, at = self._text(raw, at)
            value, at = self._text(raw, at)
            found.append((name, value))
        if at != len(raw) or len({name for name, _ in found}) != count or any(n != n.lower() for n, _ in found):
            raise self._fault("headers that are malformed (section 2.6.10)")
        return tuple(found)

    def _text(self, raw: bytes, at: int) -> tuple[str, int]:
        end = at + 4 + int.from_bytes(raw[at : at + 4], "big")
        if len(raw) - at < 4 or end > len(raw):
            raise self._fault("headers that are cut short")
        return raw[at + 4 : end].decode("latin-1"), end

    def _fault(self, text: str) -> ProtocolError:
        return ProtocolError(text, self._side, "400")


class SpdyWriter:
    """Writes the frames for one side; its headers have a context of their own."""

    __slots__ = ("_deflater",)

    def __init__(self) -> None:
        self._deflater = zlib.compressobj(zlib.Z_BEST_COMPRESSION, zdict=DICTIONARY)

    def frame(self, frame: Frame) -> bytes:
        """One frame; of a large Data several."""
        return self.data(frame.stream, frame.data, frame.fin) if isinstance(frame, Data) else self.control(frame)

    def control(self, frame: Control) -> bytes:
        """A control frame."""
        block = self._block(frame.headers) if frame.kind in _FIXED else b""
        size = len(frame.fixed) + len(block)
        return b"\x80\x03" + frame.kind.to_bytes(2, "big") + _tail(frame.flags, size) + frame.fixed + block

    def _block(self, headers: Headers) -> bytes:
        parts = [len(headers).to_bytes(4, "big")]
        for pair in headers:
            parts += [len(text).to_bytes(4, "big") + text.encode("latin-1") for text in pair]
        return self._deflater.compress(b"".join(parts)) + self._deflater.flush(zlib.Z_SYNC_FLUSH)

    def data(self, stream: int, data: bytes, fin: bool = False) -> bytes:
        """Data of a stream in frames of at most PORTION."""
        name, last = stream.to_bytes(4, "big"), FIN if fin else 0
        if len(data) <= PORTION:
            return name + _tail(last, len(data)) + data if data or fin else b""
        parts = []
        for at in range(0, len(data), PORTION):
            part = data[at : at + PORTION]
            parts.append(name + _tail(last if at + PORTION >= len(data) else 0, len(part)) + part)
        return b"".join(parts)

    def reply(self, stream: int) -> bytes:
        """The stream is accepted."""
        return self.control(Control(SYN_REPLY, 0, stream.to_bytes(4, "big")))

    def reset(self, stream: int, status: int) -> bytes:
        """The stream is given up."""
        return self.control(Control(RST_STREAM, 0, stream.to_bytes(4, "big") + status.to_bytes(4, "big")))

    def goaway(self, last: int) -> bytes:
        """The connection ends."""
        return self.control(Control(GOAWAY, 0, last.to_bytes(4, "big") + bytes(4)))


def _tail(flags: int, length: int) -> bytes:
    return bytes((flags,)) + length.to_bytes(3, "big")
