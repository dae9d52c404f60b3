"""A PostgreSQL client that sends whatever bytes it is told to, for tests of what no driver would send."""

from __future__ import annotations

import itertools
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from twisted_hoop.identity.scram import PLAIN, ScramClient
from twisted_hoop.identity.scram_keys import salted_password

READY = "Z"


def message(kind: str, body: bytes = b"") -> bytes:
    """One message."""
    return kind.encode() + struct.pack(">I", len(body) + 4) + body


def string(text: str) -> bytes:
    """A string of the protocol."""
    return text.encode() + b"\0"


def query(sql: str) -> bytes:
    """Query."""
    return message("Q", string(sql))


def parse(name: str, sql: str) -> bytes:
    """Parse, without parameter types."""
    return message("P", string(name) + string(sql) + b"\0\0")


def bind(portal: str, name: str, values: tuple[str, ...] = (), form: int = 0) -> bytes:
    """Bind, with parameters as text and all results in one format."""
    given = b"".join(struct.pack(">I", len(v.encode())) + v.encode() for v in values)
    counts = struct.pack(">HH", 0, len(values)) + given + struct.pack(">HH", 1, form)
    return message("B", string(portal) + string(name) + counts)


def describe(kind: str, name: str) -> bytes:
    """Describe of a statement (S) or portal (P)."""
    return message("D", kind.encode() + string(name))


def execute(portal: str, rows: int = 0) -> bytes:
    """Execute; 0 rows means all."""
    return message("E", string(portal) + struct.pack(">I", rows))


def close(kind: str, name: str) -> bytes:
    """Close of a statement (S) or portal (P)."""
    return message("C", kind.encode() + string(name))


SYNC, FLUSH = message("S"), message("H")


@dataclass
class RawClient:
    """A logged-in connection."""

    wire: socket.socket
    _data: bytes = b""

    def send(self, data: bytes, *cuts: int) -> None:
        """Send, in pieces that end at the cuts."""
        edges = [0, *sorted(c for c in cuts if 0 < c < len(data)), len(data)]
        for start, end in itertools.pairwise(edges):
            self.wire.sendall(data[start:end])

    def next(self) -> tuple[str, bytes]:
        """The next message; ("", b"") at the end."""
        while len(self._data) < 5 or len(self._data) < 1 + struct.unpack_from(">I", self._data, 1)[0]:
            piece = self.wire.recv(65536)
            if not piece:
                return "", b""
            self._data += piece
        end = 1 + struct.unpack_from(">I", self._data, 1)[0]
        found, self._data = self._data[:end], self._data[end:]
        return chr(found[0]), found[5:]

    def answers(self, readies: int) -> Iterator[tuple[str, bytes]]:
        """Messages up to that many ReadyForQuery, without those that may come at any time."""
        while readies:
            kind, body = self.next()
            if not kind:
                yield "closed", b""
                return
            readies -= kind == READY
            if kind not in "NSA":
                yield kind, body

    def until(self, wanted: str) -> list[tuple[str, bytes]]:
        """Messages up to one of that kind, which is the last."""
        found = [self.next()]
        while found[-1][0] not in (wanted, ""):
            found.append(self.next())
        return found


class Refused(Exception):
    """The server does not let us in: the kind and the body of what it said last."""


def sqlstate(body: bytes) -> str:
    """The SQLSTATE of an ErrorResponse."""
    return next((part[1:].decode() for part in body.split(b"\0") if part[:1] == b"C"), "")


def connect(host: str, port: int, database: str, user: str, password: str, **more: str) -> RawClient:
    """Log in with a password in the clear or SCRAM. Raises Refused with the server's error."""
    wire = socket.create_connection((host, port), 20)
    wire.settimeout(20)
    given: dict[str, Any] = {"user": user, "database": database, **more}
    body = struct.pack(">I", 196608) + b"".join(string(k) + string(v) for k, v in given.items()) + b"\0"
    wire.sendall(struct.pack(">I", len(body) + 4) + body)
    client = RawClient(wire)
    scram: ScramClient | None = None
    while True:
        kind, answer = client.next()
        if kind == READY:
            return client
        if not kind or kind not in "RKSN":
            raise Refused(kind, answer)
        code = struct.unpack_from(">I", answer)[0] if kind == "R" else 0
        if code == 3:
            client.send(message("p", string(password)))
        elif code == 10:
            scram = ScramClient(channel_binding=None, mechanism=PLAIN)
            first = scram.first()
            client.send(message("p", string(PLAIN) + struct.pack(">I", len(first)) + first))
        elif code == 11 and scram is not None:
            challenge = scram.challenge(answer[4:])
            key = salted_password(password, challenge.salt, challenge.iterations)
            client.send(message("p", scram.final(key)))
