"""A WebSocket as a transport (RFC 6455): what SSH runs over where only HTTPS gets through.

Both sides use it. Messages are binary; how the bytes are cut into them means nothing. Pings are answered, a CLOSE or
anything else ends the connection.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable
from typing import Any

from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport
from zope.interface import implementer

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.frames import BINARY, CLOSE, NORMAL, PING, PONG, Frames, close_frame, frame
from twisted_hoop.steps import Side

LONGEST_HEAD = 8192
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_of(key: bytes) -> bytes:
    """Sec-WebSocket-Accept for a Sec-WebSocket-Key (section 1.3)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def new_key() -> bytes:
    """A Sec-WebSocket-Key nobody could know."""
    return base64.b64encode(os.urandom(16))


def request_of(host: str, path: str, key: bytes) -> bytes:
    """What a client sends to begin (section 4.1)."""
    head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.decode()}\r\n\r\n".encode()


def parse_head(head: bytes) -> tuple[list[bytes], dict[bytes, bytes]]:
    """The words of the first line, and the headers in lower case. ValueError when it is no head of HTTP/1.1.

    A header that comes twice counts with both values: none of those we read may.
    """
    first, *lines = head.split(b"\r\n")
    words = first.split(b" ", 2)
    if len(words) < 3 or not words[0] or not all(32 <= byte < 127 for byte in first):
        raise ValueError("not the first line of an HTTP message")
    headers: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name or name.strip() != name:
            raise ValueError("not a header")
        name, value = name.lower(), value.strip(b" \t")
        headers[name] = headers[name] + b", " + value if name in headers else value
    return words, headers


def problem_with(words: list[bytes], headers: dict[bytes, bytes], path: bytes) -> tuple[int, str]:
    """Why a client's head does not begin a WebSocket at `path`, as a status and a text; (0, "") when it does."""
    if words[0] != b"GET" or words[2] != b"HTTP/1.1" or words[1].partition(b"?")[0] != path:
        return 404, "agents connect here; there is nothing else"
    if headers.get(b"upgrade", b"").lower() != b"websocket" or b"upgrade" not in _tokens(headers, b"connection"):
        return 426, "this is a place for WebSockets"
    if headers.get(b"sec-websocket-version") != b"13":
        return 426, "only version 13 of WebSockets is spoken here"
    if b"origin" in headers:  # a browser: its pages have no business with agents
        return 403, "browsers have no business here"
    return (0, "") if _is_key(headers.get(b"sec-websocket-key", b"")) else (400, "a key of 16 bytes is missing")


def answer_to(headers: dict[bytes, bytes]) -> bytes:
    """101 for a head without a problem."""
    accept = accept_of(headers[b"sec-websocket-key"])
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    return head + b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"


def refusal(status: int, text: str) -> bytes:
    """An answer that ends it."""
    names = {400: "Bad Request", 403: "Forbidden", 404: "Not Found", 426: "Upgrade Required", 431: "Too Large"}
    more = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" if status == 426 else ""
    body = f"{text}\n".encode()
    head = f"HTTP/1.1 {status} {names.get(status, 'Error')}\r\nConnection: close\r\n{more}"
    return f"{head}Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _tokens(headers: dict[bytes, bytes], name: bytes) -> list[bytes]:
    return [word.strip(b" \t").lower() for word in headers.get(name, b"").split(b",")]


def _is_key(text: bytes) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == 16
    except binascii.Error:
        return False


@implementer(IPushProducer)
class _Socket:
    """The producer of the transport below: tells the one above, and knows whether the socket is `full`."""

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self.full = False

    def pauseProducing(self) -> None:
        """See IPushProducer."""
        self.full = True
        self._producer.pauseProducing()

    def resumeProducing(self) -> None:
        """See IPushProducer."""
        self.full = False
        self._producer.resumeProducing()

    def stopProducing(self) -> None:
        """See IPushProducer."""
        self._producer.stopProducing()


@implementer(ITransport, IConsumer, IPushProducer)
class WebSocketCarrier:
    """A transport over another one: what is written leaves in frames, what comes in frames goes to `protocol`."""

    def __init__(self, transport: Any, we: Side) -> None:
        """`we` are the "client" of the WebSocket, which masks, or the "target", its server."""
        self._transport = transport
        self._to: Side = "target" if we == "client" else "client"
        self._frames = Frames(self._to)
        self._protocol: Any = None
        self._socket: _Socket | None = None

    def attach(self, protocol: Any) -> None:
        """`protocol` speaks over it from now on."""
        self._protocol = protocol
        protocol.makeConnection(self)

    def received(self, data: bytes) -> None:
        """Bytes of the other side."""
        try:
            pieces = self._frames.feed(data)
        except ProtocolError:
            self.abortConnection()
            return
        for piece in pieces:
            if piece.opcode == BINARY:
                self._protocol.dataReceived(piece.data)
            elif piece.opcode == PING:
                self._answer(piece.data)
            elif piece.opcode == CLOSE:
                self._transport.loseConnection()
            elif piece.opcode != PONG:
                self.abortConnection()
                return

    def _answer(self, data: bytes) -> None:
        """A pong, unless the other side does not read: who only pings must not fill our memory (S9). It need not have
        one for each (section 5.5.3)."""
        if self._socket is None or not self._socket.full:
            self._transport.write(frame(self._to, PONG, data))

    def write(self, data: bytes) -> None:
        """See ITransport."""
        if data:
            self._transport.write(frame(self._to, BINARY, bytes(data)))

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """See ITransport."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """See ITransport: CLOSE behind what was written."""
        self._transport.write(close_frame(self._to, NORMAL))
        self._transport.loseConnection()

    def abortConnection(self) -> None:
        """Close at once."""
        self._transport.abortConnection()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See IConsumer."""
        self._socket = _Socket(producer)
        self._transport.registerProducer(self._socket, streaming)

    def unregisterProducer(self) -> None:
        """See IConsumer."""
        self._socket = None
        self._transport.unregisterProducer()

    def pauseProducing(self) -> None:
        """See IPushProducer."""
        self._transport.pauseProducing()

    def resumeProducing(self) -> None:
        """See IPushProducer."""
        self._transport.resumeProducing()

    def stopProducing(self) -> None:
        """See IPushProducer."""
        self._transport.stopProducing()

    def getHandle(self) -> Any:
        """The socket below (ISystemHandle)."""
        return self._transport.getHandle()

    def getPeer(self) -> Any:
        """See ITransport."""
        return self._transport.getPeer()

    def getHost(self) -> Any:
        """See ITransport."""
        return self._transport.getHost()
