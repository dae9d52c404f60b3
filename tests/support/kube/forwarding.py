"""port-forward: to ports of loopback, over SPDY, SPDY within a WebSocket, or WebSocket channels by `ports=`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from tests.support.kube import spdy, websocket
from tests.support.kube.errors import bad_request
from tests.support.kube.places import Place
from tests.support.kube.store import Store
from tests.support.kube.wire import Connection, Gone, Request

_PROTOCOL = ("portforward.k8s.io",)
_SIZE = 32 * 1024


async def forward(store: Store, place: Place, request: Request, connection: Connection) -> None:
    """pods/NAME/portforward."""
    store.get(place.kind, place.namespace, place.name)
    if websocket.wants_websocket(request):
        if request.all("ports"):
            await websocket.accept(request, connection, websocket.PROTOCOLS[1:])
            await _Channels(websocket.WebSocket(connection), _ports(request)).run()
            return
        await websocket.accept(request, connection, (websocket.FORWARD,))
        await _Streams(spdy.Spdy(websocket.WebSocket(connection))).run()
        return
    if request.header("upgrade").lower() != "spdy/3.1":
        raise bad_request("Upgrade request required")
    await spdy.accept(request, connection, _PROTOCOL)
    await _Streams(spdy.Spdy(spdy.Raw(connection))).run()


def _ports(request: Request) -> list[int]:
    return [int(port) for each in request.all("ports") for port in each.split(",")]


async def _pump(reader: asyncio.StreamReader, send: Callable[[bytes], Awaitable[None]]) -> None:
    with contextlib.suppress(ConnectionError, Gone):
        while data := await reader.read(_SIZE):
            await send(data)


class _Streams:
    """Pairs of SPDY streams, error and data, by `requestid`."""

    def __init__(self, connection: spdy.Spdy) -> None:
        self._spdy = connection
        self._errors: dict[str, int] = {}
        self._writers: dict[int, asyncio.StreamWriter] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        try:
            while (frame := await self._spdy.receive()) is not None:
                if frame.headers.get("streamtype") == "error":
                    self._errors[frame.headers.get("requestid", "")] = frame.stream
                elif frame.headers.get("streamtype") == "data":
                    await self._open(frame)
                elif frame.stream in self._writers:
                    await self._pass(self._writers[frame.stream], frame)
        finally:
            for task in self._tasks:
                task.cancel()
            for writer in self._writers.values():
                writer.close()

    async def _open(self, frame: spdy.Frame) -> None:
        port = int(frame.headers["port"])
        error = self._errors[frame.headers.get("requestid", "")]
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError as wrong:
            message = f"an error occurred forwarding {port}: connection refused: {wrong.errno}"
            await self._spdy.send(error, message.encode(), fin=True)
            await self._spdy.send(frame.stream, b"", fin=True)
            return
        self._writers[frame.stream] = writer
        task = asyncio.create_task(self._back(frame.stream, error, reader))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _back(self, stream: int, error: int, reader: asyncio.StreamReader) -> None:
        await _pump(reader, lambda data: self._spdy.send(stream, data))
        with contextlib.suppress(Gone):
            await self._spdy.send(stream, b"", fin=True)
            await self._spdy.send(error, b"", fin=True)

    async def _pass(self, writer: asyncio.StreamWriter, frame: spdy.Frame) -> None:
        with contextlib.suppress(ConnectionError, OSError):
            writer.write(frame.data)
            await writer.drain()
            if frame.fin:
                writer.write_eof()


class _Channels:
    """Channels 2n (data) and 2n+1 (errors) for the n-th port; the first frame of each names the port."""

    def __init__(self, socket: websocket.WebSocket, ports: list[int]) -> None:
        self._socket, self._ports = socket, ports

    async def run(self) -> None:
        tasks, writers = [], []
        for number, port in enumerate(self._ports):
            for channel in (2 * number, 2 * number + 1):
                await self._socket.write(bytes([channel]) + port.to_bytes(2, "little"))
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await self._socket.write(bytes([2 * number + 1]) + b"connection refused")
                continue
            writers.append((2 * number, writer))
            tasks.append(asyncio.create_task(_pump(reader, self._sender(2 * number))))
        by_channel = dict(writers)
        try:
            while data := await self._socket.read():
                if data[0] in by_channel:
                    by_channel[data[0]].write(data[1:])
                    await by_channel[data[0]].drain()
        finally:
            for task in tasks:
                task.cancel()
            for writer in by_channel.values():
                writer.close()

    def _sender(self, channel: int) -> Callable[[bytes], Awaitable[None]]:
        return lambda data: self._socket.write(bytes([channel]) + data)
