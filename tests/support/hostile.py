"""A target that turns hostile: a proxy of a real server that answers some queries with whatever bytes it is told to.

    with hostile_target(server, {"evil": b"..."}) as target:    # `select 'evil'` is answered with these bytes

`piece` cuts what the server sends into pieces of that many bytes (M3). Log-in and catalogue are the real server's.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.support.postgres import Server

_REFUSED_STARTS = (80877103, 80877104)


@dataclass
class HostileTarget:
    """See the module. `answers` maps a text to the bytes that answer every query that contains it."""

    upstream: tuple[str, int]
    answers: Mapping[bytes, bytes]
    piece: int = 0
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self.listener.getsockname()[1]
        return port

    def serve(self) -> None:
        """Accept until the listener is closed."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server = socket.create_connection(self.upstream)
            for work in (self._to_server, self._to_client):
                threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), client, server:
            server.sendall(_start(client))
            while True:
                head = _exactly(client, 5)
                body = _exactly(client, struct.unpack(">I", head[1:])[0] - 4)
                evil = next((a for text, a in self.answers.items() if text in body and head[:1] in b"QP"), None)
                if evil is None:
                    server.sendall(head + body)
                else:
                    client.sendall(evil)

    def _to_client(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                step = self.piece or len(data)
                for start in range(0, len(data), step):
                    client.sendall(data[start : start + step])
            client.shutdown(socket.SHUT_RDWR)


def _start(client: socket.socket) -> bytes:
    while True:
        length = _exactly(client, 4)
        body = _exactly(client, struct.unpack(">I", length)[0] - 4)
        if struct.unpack(">I", body[:4])[0] not in _REFUSED_STARTS:
            return length + body
        client.sendall(b"N")


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = source.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


@contextlib.contextmanager
def hostile_target(server: Server, answers: Mapping[str, bytes], piece: int = 0) -> Iterator[HostileTarget]:
    """One that listens for the length of a `with` block."""
    target = HostileTarget((server.host, server.port), {k.encode(): v for k, v in answers.items()}, piece)
    threading.Thread(target=target.serve, daemon=True).start()
    try:
        yield target
    finally:
        target.listener.close()
