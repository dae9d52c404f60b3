"""A client of HTTP/1.1 that does no more than it must: one connection, one request at a time."""

from __future__ import annotations

import re
import socket
import ssl
import time
from typing import Protocol

_PIECE = 262_144
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_CHUNKED = re.compile(rb"(?i)\r\ntransfer-encoding: *chunked")
_LAST = b"\r\n0\r\n\r\n"


class Way(Protocol):
    """Where requests go, and how they are written."""

    @property
    def name(self) -> str: ...

    @property
    def port(self) -> int: ...

    def request(self, path: str) -> bytes:
        """A GET as bytes."""


class Client:
    """One connection. `context` None: without TLS. `first` is the time of the last answer's first byte, in seconds."""

    def __init__(self, way: Way, context: ssl.SSLContext | None) -> None:
        sock = socket.create_connection(("127.0.0.1", way.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock if context is None else context.wrap_socket(sock, server_hostname="localhost")
        self._way = way
        self.first = 0.0

    def get(self, path: str) -> int:
        """Ask for it; how many bytes came as its body, framing of chunks included."""
        head, rest = self.begin(path)
        length = _LENGTH.search(head)
        if length is not None:
            return self._known(int(length[1]), len(rest))
        if _CHUNKED.search(head) is None:
            raise RuntimeError(f"{self._way.name}: {head[:200]!r}")
        return self._chunked(rest)

    def begin(self, path: str) -> tuple[bytes, bytes]:
        """Ask for it; the head of the answer, which must be a 200, and what came with it."""
        began = time.perf_counter()
        self._sock.sendall(self._way.request(path))
        data = self._sock.recv(_PIECE)
        self.first = time.perf_counter() - began
        while b"\r\n\r\n" not in data:
            data += self._sock.recv(_PIECE)
        head, _, rest = data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{self._way.name}: {data[:400]!r}")
        return head, rest

    def _known(self, length: int, have: int) -> int:
        left = length - have
        while left > 0:
            left -= len(self._received())
        return length

    def _chunked(self, rest: bytes) -> int:
        size, tail = len(rest), rest
        while not tail.endswith(_LAST) and tail != _LAST[2:]:
            data = self._received()
            size += len(data)
            tail = tail[-len(_LAST) :] + data
        return size

    def _received(self) -> bytes:
        data = self._sock.recv(_PIECE)
        if not data:
            raise RuntimeError(f"{self._way.name}: the answer ends too early")
        return data

    def close(self) -> None:
        """Close the connection."""
        self._sock.close()
