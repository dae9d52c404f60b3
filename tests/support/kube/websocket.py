"""WebSockets from the server's side (RFC 6455), and Kubernetes' channels over them (v4 and v5.channel.k8s.io)."""

from __future__ import annotations

import asyncio
import base64
import hashlib

from tests.support.kube.errors import bad_request
from tests.support.kube.wire import Connection, Gone, Request

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
FORWARD = "SPDY/3.1+portforward.k8s.io"
CHANNELS = ("stdin", "stdout", "stderr", "error", "resize")
_BEARER = "base64url.bearer.authorization.k8s.io."
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_LARGEST = 32 * 1024
_CLOSE_CHANNEL = 255


def wants_websocket(request: Request) -> bool:
    """Whether it asks for one."""
    return request.header("upgrade").lower() == "websocket"


async def accept(request: Request, connection: Connection, offered: tuple[str, ...]) -> str:
    """Answer 101 with the first protocol of the client that is offered; the protocol. 400 when there is none."""
    wanted = [each for each in request.headers("sec-websocket-protocol") if not each.startswith(_BEARER)]
    protocol = next((each for each in wanted if each in offered), "")
    if not protocol:
        raise bad_request(f"unable to negotiate a subprotocol of {wanted}")
    key = request.header("sec-websocket-key").encode()
    told = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()
    headers = [("Sec-WebSocket-Accept", told), ("Sec-WebSocket-Protocol", protocol)]
    await connection.switch("websocket", headers)
    return protocol


class WebSocket:
    """Messages over an upgraded connection. `read` and `write` are a pipe of bytes, for SPDY within it."""

    def __init__(self, connection: Connection) -> None:
        self._reader, self._writer = connection.reader, connection.writer

    async def read(self) -> bytes:
        """The next message, b"" at the end; pings are answered."""
        whole = b""
        while True:
            frame = await self._frame()
            if frame is None:
                return b""
            last, opcode, payload = frame
            if opcode == 9:
                await self._send(10, payload)
            elif opcode == 8:
                await self._send(8, payload[:2])
                return b""
            elif opcode in (0, 1, 2):
                whole += payload
                if last and whole:
                    return whole

    async def _frame(self) -> tuple[bool, int, bytes] | None:
        try:
            first, second = await self._reader.readexactly(2)
            size = second & 0x7F
            if size > 125:
                size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
            assert second & 0x80, "a client's frame is masked"
            key = await self._reader.readexactly(4)
            data = await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        mask = (key * (size // 4 + 1))[:size]
        plain = (int.from_bytes(data, "big") ^ int.from_bytes(mask, "big")).to_bytes(size, "big")
        return bool(first & 0x80), first & 15, plain

    async def write(self, data: bytes) -> None:
        """One binary message."""
        await self._send(2, data)

    async def _send(self, opcode: int, data: bytes) -> None:
        size = len(data)
        head = bytes([0x80 | opcode, size]) if size < 126 else bytes([0x80 | opcode, 126]) + size.to_bytes(2, "big")
        if size > 0xFFFF:
            head = bytes([0x80 | opcode, 127]) + size.to_bytes(8, "big")
        self._writer.write(head + data)
        try:
            await self._writer.drain()
        except ConnectionError:
            raise Gone from None

    async def close(self) -> None:
        """Say so and wait until the client closes too."""
        await self._send(8, b"\x03\xe8")
        while await self.read():
            pass


class Channels:
    """The streams of exec and attach as channels of one WebSocket."""

    def __init__(self, socket: WebSocket, protocol: str) -> None:
        self._socket = socket
        self._closing = protocol.startswith("v5")

    async def receive(self) -> tuple[str, bytes] | None:
        """(stream, data): no data is the stream's end. None: the client is gone."""
        while data := await self._socket.read():
            if data[0] == _CLOSE_CHANNEL and self._closing:
                return CHANNELS[data[1]], b""
            if data[0] < len(CHANNELS) and len(data) > 1:
                return CHANNELS[data[0]], data[1:]
        return None

    async def send(self, stream: str, data: bytes) -> None:
        """Data of one stream."""
        for start in range(0, len(data), _LARGEST):
            await self._socket.write(bytes([CHANNELS.index(stream)]) + data[start : start + _LARGEST])

    async def finish(self, status: bytes) -> None:
        """The outcome, and the end."""
        await self.send("error", status)
        await self._socket.close()
