"""What masking's tests share: type information read from a real server, and a proxy that replaces values in rows."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from twisted_hoop.lineage.catalogue import TypeInfo

_TYPES = """
select t.oid::int8, n.nspname, t.typname, t.typtype::text, t.typcategory::text, t.typbasetype::int8, t.typelem::int8,
  coalesce((select array_agg(enumlabel::text order by enumsortorder) from pg_enum where enumtypid = t.oid), '{}'),
  coalesce((select array_agg(a.attname::text order by a.attnum) from pg_attribute a
    where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped), '{}'),
  coalesce((select array_agg(a.atttypid::int8 order by a.attnum) from pg_attribute a
    where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped), '{}')
from pg_type t join pg_namespace n on n.oid = t.typnamespace
"""


def read_types(connection: psycopg.Connection[Any]) -> dict[int, TypeInfo]:
    """Every type of the database, as the catalogue has it."""
    return {
        row[0]: TypeInfo(*row[:7], labels=tuple(row[7]), fields=tuple(zip(row[8], row[9], strict=True)))
        for row in connection.execute(_TYPES.encode())
    }


CellHook = Callable[[str, int, int, int, bytes], bytes | None]
"""(column name, type OID, type modifier, format, value) → the value as the client gets it, None for NULL."""


@dataclass
class RowProxy:
    """A proxy for one PostgreSQL server without TLS that passes every value of every row through `hook`."""

    upstream: tuple[str, int]
    hook: CellHook
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def port(self) -> int:
        port: int = self.listener.getsockname()[1]
        return port

    def serve(self) -> None:
        """Accept until the listener is closed."""
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(self.upstream)
            formats: list[list[int]] = [[]]
            for work in (self._to_server, self._to_client):
                threading.Thread(target=work, args=(client, server, formats), daemon=True).start()

    def _to_server(self, client: socket.socket, server: socket.socket, formats: list[list[int]]) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                start = _exactly(client, 4)
                body = _exactly(client, struct.unpack(">i", start)[0] - 4)
                if struct.unpack(">i", body[:4])[0] in (80877103, 80877104):
                    client.sendall(b"N")
                    continue
                server.sendall(start + body)
                break
            while True:
                kind, body = _message(client)
                if kind == b"B":
                    formats[0] = _result_formats(body)
                elif kind == b"Q":
                    formats[0] = []
                server.sendall(kind + struct.pack(">i", len(body) + 4) + body)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _to_client(self, client: socket.socket, server: socket.socket, formats: list[list[int]]) -> None:
        # A statement may be executed long after it was described: rows are told apart by their number of columns.
        described: dict[int, list[tuple[str, int, int, int]]] = {}
        with contextlib.suppress(OSError, EOFError):
            while True:
                kind, body = _message(server)
                if kind == b"T":
                    described[struct.unpack(">h", body[:2])[0]] = _columns(body)
                elif kind == b"D":
                    body = self._row(body, described[struct.unpack(">h", body[:2])[0]], formats[0])
                client.sendall(kind + struct.pack(">i", len(body) + 4) + body)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _row(self, body: bytes, columns: list[tuple[str, int, int, int]], formats: list[int]) -> bytes:
        out, at = [body[:2]], 2
        for index, (name, oid, typmod, fmt) in enumerate(columns):
            length = struct.unpack(">i", body[at : at + 4])[0]
            at += 4
            value = None if length < 0 else body[at : at + length]
            at += max(length, 0)
            fmt = fmt or (formats[index] if len(formats) > 1 else formats[0] if formats else 0)
            if value is not None:
                value = self.hook(name, oid, typmod, fmt, value)
            out.append(b"\xff\xff\xff\xff" if value is None else struct.pack(">i", len(value)) + value)
        return b"".join(out)


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = source.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def _message(source: socket.socket) -> tuple[bytes, bytes]:
    kind = _exactly(source, 1)
    return kind, _exactly(source, struct.unpack(">i", _exactly(source, 4))[0] - 4)


def _result_formats(body: bytes) -> list[int]:
    at = body.index(b"\0", body.index(b"\0") + 1) + 1
    count = struct.unpack(">h", body[at : at + 2])[0]
    at += 2 + 2 * count
    count = struct.unpack(">h", body[at : at + 2])[0]
    at += 2
    for _ in range(count):
        length = struct.unpack(">i", body[at : at + 4])[0]
        at += 4 + max(length, 0)
    count = struct.unpack(">h", body[at : at + 2])[0]
    return list(struct.unpack(f">{count}h", body[at + 2 : at + 2 + 2 * count]))


def _columns(body: bytes) -> list[tuple[str, int, int, int]]:
    columns, at = [], 2
    for _ in range(struct.unpack(">h", body[:2])[0]):
        end = body.index(b"\0", at)
        name = body[at:end].decode()
        _, _, oid, _, typmod, fmt = struct.unpack(">IhIhih", body[end + 1 : end + 19])
        columns.append((name, oid, typmod, fmt))
        at = end + 19
    return columns


@contextlib.contextmanager
def row_proxy(host: str, port: int, hook: CellHook) -> Iterator[int]:
    """A proxy's port, for the length of a `with` block."""
    proxy = RowProxy((host, port), hook)
    threading.Thread(target=proxy.serve, daemon=True).start()
    try:
        yield proxy.port
    finally:
        proxy.listener.close()
