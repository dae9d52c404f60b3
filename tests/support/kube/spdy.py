"""SPDY/3.1 from the server's side, as clients of Kubernetes speak it: streams by SYN_STREAM, data, FIN, pings."""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.support.kube.errors import bad_request
from tests.support.kube.wire import Connection, Gone, HeadersOut, Request

_DICTIONARY = (Path(__file__).parent / "spdy.dictionary").read_bytes()
_LARGEST = 32 * 1024
_SYN, _REPLY, _RESET, _PING, _AWAY = 1, 2, 3, 6, 7
FIN = 1


class Pipe(Protocol):
    """Bytes both ways."""

    async def read(self) -> bytes:
        """Some; b"" at the end."""

    async def write(self, data: bytes) -> None:
        """All of it."""


class Raw:
    """The connection itself as a pipe."""

    def __init__(self, connection: Connection) -> None:
        self._reader, self._writer = connection.reader, connection.writer

    async def read(self) -> bytes:
        """See Pipe."""
        try:
            return await self._reader.read(65536)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        """See Pipe."""
        self._writer.write(data)
        try:
            await self._writer.drain()
        except ConnectionError:
            raise Gone from None


@dataclass(frozen=True)
class Frame:
    """What came: a new stream (`headers`), data, or the end of a stream (`fin`, also with data)."""

    stream: int
    data: bytes = b""
    fin: bool = False
    headers: dict[str, str] = field(default_factory=dict)


async def accept(request: Request, connection: Connection, offered: tuple[str, ...]) -> str:
    """Answer 101 to `Upgrade: SPDY/3.1`; the stream protocol, the best that both know."""
    wanted = request.headers("x-stream-protocol-version")
    protocol = next((each for each in offered if each in wanted), "")
    if wanted and not protocol:
        raise bad_request(f"unable to upgrade: unable to negotiate protocol: client supports {wanted}")
    more: HeadersOut = [("X-Stream-Protocol-Version", protocol)] if protocol else []
    await connection.switch("SPDY/3.1", more)
    return protocol


class Spdy:
    """One SPDY connection."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._rest = b""
        self._in = zlib.decompressobj(zdict=_DICTIONARY)
        self._out = zlib.compressobj(zdict=_DICTIONARY)
        self._sending = asyncio.Lock()

    async def receive(self) -> Frame | None:
        """The next frame of interest; None at the end."""
        while True:
            raw = await self._frame()
            if raw is None:
                return None
            head, body = raw
            if not head[0] & 0x80:
                return Frame(int.from_bytes(head[:4], "big"), body, bool(head[4] & FIN))
            found = await self._control(int.from_bytes(head[2:4], "big"), head[4], body)
            if found is not None:
                return found

    async def _control(self, kind: int, flags: int, body: bytes) -> Frame | None:
        stream = int.from_bytes(body[:4], "big") & 0x7FFFFFFF
        if kind == _SYN:
            headers = self._headers(body[10:])
            await self._write(_control(_REPLY, stream.to_bytes(4, "big") + self._packed({})))
            return Frame(stream, fin=bool(flags & FIN), headers=headers)
        if kind == _PING:
            await self._write(_control(_PING, body))
        return Frame(stream, fin=True) if kind == _RESET else None

    async def _frame(self) -> tuple[bytes, bytes] | None:
        while len(self._rest) < 8 or len(self._rest) < 8 + int.from_bytes(self._rest[5:8], "big"):
            data = await self._pipe.read()
            if not data:
                return None
            self._rest += data
        size = 8 + int.from_bytes(self._rest[5:8], "big")
        frame, self._rest = self._rest[:size], self._rest[size:]
        return frame[:8], frame[8:]

    async def send(self, stream: int, data: bytes, fin: bool = False) -> None:
        """Data of a stream, and perhaps its end."""
        pieces = [data[at : at + _LARGEST] for at in range(0, len(data), _LARGEST)] or [b""]
        for number, piece in enumerate(pieces):
            flags = FIN if fin and number == len(pieces) - 1 else 0
            await self._write(stream.to_bytes(4, "big") + bytes([flags]) + len(piece).to_bytes(3, "big") + piece)

    async def _write(self, data: bytes) -> None:
        async with self._sending:
            await self._pipe.write(data)

    def _headers(self, block: bytes) -> dict[str, str]:
        plain = self._in.decompress(block)
        found: dict[str, str] = {}
        at = 4
        for _ in range(int.from_bytes(plain[:4], "big")):
            pair = []
            for _ in range(2):
                size = int.from_bytes(plain[at : at + 4], "big")
                pair.append(plain[at + 4 : at + 4 + size].decode("latin-1"))
                at += 4 + size
            found[pair[0].lower()] = pair[1]
        return found

    def _packed(self, headers: dict[str, str]) -> bytes:
        plain = len(headers).to_bytes(4, "big")
        for pair in headers.items():
            for each in pair:
                plain += len(each).to_bytes(4, "big") + each.encode()
        return self._out.compress(plain) + self._out.flush(zlib.Z_SYNC_FLUSH)


def _control(kind: int, body: bytes) -> bytes:
    return b"\x80\x03" + kind.to_bytes(2, "big") + b"\0" + len(body).to_bytes(3, "big") + body


class SpdyStreams:
    """The streams of exec and attach, each a SPDY stream with the header `streamtype`."""

    def __init__(self, spdy: Spdy) -> None:
        self._spdy = spdy
        self._numbers: dict[str, int] = {}
        self._early: list[Frame] = []

    async def opened(self, wanted: set[str]) -> bool:
        """Wait until the client opened them."""
        while not wanted <= set(self._numbers):
            frame = await self._spdy.receive()
            if frame is None:
                return False
            if frame.headers:
                self._numbers[frame.headers.get("streamtype", "")] = frame.stream
            else:
                self._early.append(frame)
        return True

    async def receive(self) -> tuple[str, bytes] | None:
        """See Channels."""
        while (frame := self._early.pop(0) if self._early else await self._spdy.receive()) is not None:
            name = next((name for name, number in self._numbers.items() if number == frame.stream), "")
            if name and (frame.data or frame.fin):
                return name, frame.data
        return None

    async def send(self, stream: str, data: bytes) -> None:
        """See Channels."""
        if stream in self._numbers and data:
            await self._spdy.send(self._numbers[stream], data)

    async def finish(self, status: bytes) -> None:
        """See Channels."""
        for name in ("stdout", "stderr"):
            if name in self._numbers:
                await self._spdy.send(self._numbers[name], b"", fin=True)
        await self._spdy.send(self._numbers["error"], status, fin=True)
        while await self._spdy.receive() is not None:
            pass
