"""exec and attach: real processes in a pod's folder, with pipes or a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import signal
import struct
import termios
from pathlib import Path
from typing import Any, Protocol

from tests.support.kube import spdy, websocket
from tests.support.kube.controllers import Controllers
from tests.support.kube.errors import Json, bad_request
from tests.support.kube.places import Place
from tests.support.kube.store import Store
from tests.support.kube.wire import Connection, Gone, Request

_SPDY = ("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
_SUCCESS: Json = {"metadata": {}, "status": "Success"}
_SIZE = 32 * 1024


class Streams(Protocol):
    """stdin, stdout, stderr, error, resize, however they are carried."""

    async def receive(self) -> tuple[str, bytes] | None:
        """(stream, data): no data is the stream's end. None: the client is gone."""

    async def send(self, stream: str, data: bytes) -> None:
        """Data of one stream."""

    async def finish(self, status: bytes) -> None:
        """The outcome, and the end."""


async def execute(
    controllers: Controllers, store: Store, place: Place, request: Request, connection: Connection
) -> None:
    """pods/NAME/exec and pods/NAME/attach."""
    pod = store.get(place.kind, place.namespace, place.name)
    wanted = request.first("container") or pod["spec"]["containers"][0]["name"]
    if wanted not in [
        each["name"] for each in [*pod["spec"]["containers"], *pod["spec"].get("ephemeralContainers", ())]
    ]:
        raise bad_request(f"container {wanted} is not valid for pod {place.name}")
    command = request.all("command") if place.sub == "exec" else _attached(request)
    if not command:
        raise bad_request("you must specify at least 1 command for the container")
    if not any(request.true(name) for name in ("stdin", "stdout", "stderr")):
        raise bad_request("you must specify at least 1 of stdin, stdout, stderr")
    streams = await _streams(request, connection)
    if streams is not None:
        folder = controllers.pod_folder(place.namespace, place.name)
        with contextlib.suppress(Gone):
            await _Run(streams, request, folder).run(command)


def _attached(request: Request) -> list[str]:
    """What the main process of every pod does: it says back what it is told, or what it logged."""
    return ["cat"] if request.true("stdin") else ["cat", ".log"]


async def _streams(request: Request, connection: Connection) -> Streams | None:
    if websocket.wants_websocket(request):
        protocol = await websocket.accept(request, connection, websocket.PROTOCOLS)
        return websocket.Channels(websocket.WebSocket(connection), protocol)
    if request.header("upgrade").lower() != "spdy/3.1":
        raise bad_request("Upgrade request required")
    protocol = await spdy.accept(request, connection, _SPDY)
    streams = spdy.SpdyStreams(spdy.Spdy(spdy.Raw(connection)))
    names = {name for name in ("stdin", "stdout", "stderr") if request.true(name)} | {"error"}
    if request.true("tty"):
        names -= {"stderr"}
        names |= {"resize"} if protocol[:2] in ("v3", "v4") else set()
    return streams if await streams.opened(names) else None


class _Run:
    """One process."""

    def __init__(self, streams: Streams, request: Request, folder: Path) -> None:
        self._streams, self._request, self._folder = streams, request, folder
        self._terminal = -1
        self._input: Any = None

    async def run(self, command: list[str]) -> None:
        try:
            process = await self._start(command)
        except OSError as error:
            message = f'exec: "{command[0]}": {error.strerror}'
            status = {"metadata": {}, "status": "Failure", "message": message, "reason": "InternalError", "code": 500}
            await self._streams.finish(json.dumps(status).encode())
            return
        incoming = asyncio.create_task(self._incoming())
        outgoing = asyncio.create_task(self._outgoing(process))
        done, _ = await asyncio.wait({incoming, outgoing}, return_when=asyncio.FIRST_COMPLETED)
        if outgoing not in done:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            outgoing.cancel()
            await process.wait()
            return
        incoming.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await incoming
        outgoing.result()
        await self._streams.finish(json.dumps(_status(await process.wait())).encode())

    async def _start(self, command: list[str]) -> asyncio.subprocess.Process:
        environ = {"PATH": os.environ["PATH"], "HOME": str(self._folder), "POD_LOG": str(self._folder / ".log")}
        where: Json = {"cwd": self._folder, "env": environ, "start_new_session": True}
        if not self._request.true("tty"):
            pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
            taken = pipe if self._request.true("stdin") else none
            process = await asyncio.create_subprocess_exec(*command, stdin=taken, stdout=pipe, stderr=pipe, **where)
            self._input = process.stdin
            return process
        self._terminal, inner = pty.openpty()
        try:
            return await asyncio.create_subprocess_exec(
                *command, stdin=inner, stdout=inner, stderr=inner, preexec_fn=_control, **where
            )
        finally:
            os.close(inner)

    async def _incoming(self) -> None:
        """What the client sends. Returns when it is gone."""
        while (found := await self._streams.receive()) is not None:
            stream, data = found
            if stream == "resize" and self._terminal >= 0 and data:
                size = json.loads(data)
                packed = struct.pack("HHHH", size["Height"], size["Width"], 0, 0)
                fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, packed)
            elif stream == "stdin" and self._terminal >= 0:
                os.write(self._terminal, data or b"\x04")
            elif stream == "stdin" and self._input is not None:
                await self._feed(data)

    async def _feed(self, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            if data:
                self._input.write(data)
                await self._input.drain()
            else:
                self._input.close()

    async def _outgoing(self, process: asyncio.subprocess.Process) -> None:
        if self._terminal >= 0:
            await self._from_terminal()
            os.close(self._terminal)
            self._terminal = -1
            return
        await asyncio.gather(self._copy(process.stdout, "stdout"), self._copy(process.stderr, "stderr"))

    async def _copy(self, reader: asyncio.StreamReader | None, stream: str) -> None:
        while reader is not None and (data := await reader.read(_SIZE)):
            if self._request.true(stream):
                await self._streams.send(stream, data)

    async def _from_terminal(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            ready: asyncio.Future[None] = loop.create_future()
            loop.add_reader(self._terminal, _set, ready)
            try:
                await ready
            finally:
                loop.remove_reader(self._terminal)
            try:
                data = os.read(self._terminal, _SIZE)
            except OSError:  # EIO: the other end is closed
                return
            if not data:
                return
            await self._streams.send("stdout", data)


def _set(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _control() -> None:
    """The terminal on stdin becomes the process' controlling one."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _status(code: int) -> Json:
    if code == 0:
        return _SUCCESS
    number = code if code > 0 else 128 - code
    message = f"command terminated with non-zero exit code: Error executing in container: exit status {number}"
    causes = [{"reason": "ExitCode", "message": str(number)}]
    failed: Json = {"metadata": {}, "status": "Failure", "message": message, "reason": "NonZeroExitCode"}
    return {**failed, "details": {"causes": causes}}
