"""HTTP/1.1 over asyncio streams, as little as an API server needs (RFC 9112): requests, whole and chunked answers."""

from __future__ import annotations

import asyncio
import gzip
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

COMPRESSED_FROM = 128 * 1024
"""Bytes from which on answers are packed when the client takes gzip, as the real one does."""
_REASONS = {101: "Switching Protocols", 200: "OK", 201: "Created", 302: "Found", 304: "Not Modified", 403: "Forbidden"}
HeadersOut = list[tuple[str, str]]


@dataclass
class Request:
    """One request. `raw_headers` as they came, `query` decoded in order."""

    method: str
    target: str
    raw_headers: list[tuple[str, str]]
    body: bytes = b""
    query: list[tuple[str, str]] = field(default_factory=list)
    path: str = ""
    user: str = ""
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        path, _, query = self.target.partition("?")
        self.path = unquote(path)
        self.query = parse_qsl(query, keep_blank_values=True)

    def header(self, name: str) -> str:
        """The first value of a header."""
        return next((value for key, value in self.raw_headers if key.lower() == name), "")

    def headers(self, name: str) -> list[str]:
        """All values of a header, comma lists taken apart."""
        lines = [value for key, value in self.raw_headers if key.lower() == name]
        return [part.strip() for line in lines for part in line.split(",") if part.strip()]

    def first(self, name: str, default: str = "") -> str:
        """The first value of a parameter: what comes behind it does not count."""
        return next((value for key, value in self.query if key == name), default)

    def all(self, name: str) -> list[str]:
        """All values of a parameter."""
        return [value for key, value in self.query if key == name]

    def true(self, name: str) -> bool:
        """A parameter as a boolean: there and neither `0` nor `false`."""
        values = self.all(name)
        return bool(values) and values[0].lower() not in ("0", "false", "f")


class Gone(Exception):
    """The client went away."""


class Connection:
    """One client's connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.upgraded = False
        self.status = 0
        self.close = False
        """Whether the connection ends after this answer."""
        self._gzip = False

    async def request(self) -> Request | None:
        """The next request; None at the end."""
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head.split("\r\n")
        method, target, version = first.split(" ")
        headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines if line)]
        asked = Request(method, target, headers)
        if asked.header("expect").lower() == "100-continue":
            self.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        asked.body = await self._body(asked)
        self.close = version != "HTTP/1.1" or "close" in asked.header("connection").lower()
        self._gzip = "gzip" in asked.header("accept-encoding")
        return asked

    async def _body(self, asked: Request) -> bytes:
        if "chunked" not in asked.header("transfer-encoding").lower():
            return await self.reader.readexactly(int(asked.header("content-length") or 0))
        found = []
        while size := int((await self.reader.readline()).split(b";")[0], 16):
            found.append(await self.reader.readexactly(size))
            await self.reader.readline()
        while (await self.reader.readline()).strip():
            pass
        return b"".join(found)

    async def whole(
        self, status: int, body: bytes, kind: str, more: HeadersOut | None = None, head: bool = False
    ) -> None:
        """An answer of known length."""
        headers = [("Content-Type", kind), *(more or [])]
        if self._gzip and len(body) >= COMPRESSED_FROM:
            body = gzip.compress(body, 1)
            headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        if status != 304:
            headers.append(("Content-Length", str(len(body))))
        await self._send(self._head(status, headers) + (b"" if head or status == 304 else body))

    async def start(self, kind: str) -> None:
        """The head of a chunked answer."""
        await self._send(self._head(200, [("Content-Type", kind), ("Transfer-Encoding", "chunked")]))

    async def chunk(self, data: bytes) -> None:
        """A piece of it."""
        if data:
            await self._send(b"%x\r\n%b\r\n" % (len(data), data))

    async def end(self) -> None:
        """Its end."""
        await self._send(b"0\r\n\r\n")

    async def switch(self, protocol: str, more: HeadersOut) -> None:
        """101: from now on `reader` and `writer` speak another protocol."""
        self.upgraded = True
        await self._send(self._head(101, [("Connection", "Upgrade"), ("Upgrade", protocol), *more]))

    @property
    def over(self) -> bool:
        """Whether no further request may come."""
        return self.close or self.upgraded

    async def departure(self) -> None:
        """Returns when the client goes away while it is answered."""
        await self.reader.read(1)
        self.close = True

    def _head(self, status: int, headers: HeadersOut) -> bytes:
        self.status = status
        lines = [
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}",
            *(f"{name}: {value}" for name, value in headers),
        ]
        if self.close:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode()

    async def _send(self, data: bytes) -> None:
        self.writer.write(data)
        try:
            await self.writer.drain()
        except ConnectionError:
            raise Gone from None
