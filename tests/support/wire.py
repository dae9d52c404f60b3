"""A PostgreSQL client of raw bytes, for attacks: it sends what it is told, sound or not, and shows what comes back.

    with logged_in(gateway.ports["pg"], "shop", token_of("ci")) as wire:
        wire.send(query("select 1"))
        answer = wire.until_ready()

Everything received since `logged_in` returned is in `wire.everything`.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

PROTOCOL_3_0 = 0x00030000
PROTOCOL_3_2 = 0x00030002
PATIENCE = 30.0


@dataclass(frozen=True)
class Message:
    """One message of the server."""

    kind: str
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        """The fields of an error or a notice."""
        parts = self.body.split(b"\0")
        return {part[:1].decode(): part[1:].decode() for part in parts if part}

    @property
    def cells(self) -> list[bytes | None]:
        """The cells of a row."""
        (count,), position = struct.unpack_from(">H", self.body), 2
        found: list[bytes | None] = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", self.body, position)
            position += 4
            found.append(None if length < 0 else self.body[position : position + length])
            position += max(length, 0)
        return found


@dataclass
class Wire:
    """A connection. `messages` are those received since the last `send`."""

    socket: socket.socket
    everything: bytearray = field(default_factory=bytearray)
    _buffer: bytes = b""

    def send(self, *parts: bytes) -> None:
        """All parts in one piece."""
        self.socket.sendall(b"".join(parts))

    def receive(self) -> Message | None:
        """The next message; None at the end of the connection."""
        if not self._fill(5):
            return None
        length = struct.unpack_from(">I", self._buffer, 1)[0] + 1
        if not self._fill(length):
            return None
        whole, self._buffer = self._buffer[:length], self._buffer[length:]
        self.everything += whole
        return Message(chr(whole[0]), whole[5:])

    def until(self, *kinds: str) -> list[Message]:
        """Messages up to and with the first of these kinds, or up to the end."""
        found: list[Message] = []
        while (message := self.receive()) is not None:
            found.append(message)
            if message.kind in kinds:
                break
        return found

    def until_ready(self, times: int = 1) -> list[Message]:
        """Messages up to the `times`-th ReadyForQuery."""
        return [message for _ in range(times) for message in self.until("Z")]

    def rest(self) -> list[Message]:
        """Everything up to the end of the connection."""
        return self.until()

    def query(self, text: str) -> list[Message]:
        """A simple query and its whole answer."""
        self.send(query(text))
        return self.until_ready()

    def _fill(self, size: int) -> bool:
        while len(self._buffer) < size:
            try:
                data = self.socket.recv(65536)
            except ConnectionError:
                return False
            if not data:
                return False
            self._buffer += data
        return True


def message(kind: str, body: bytes = b"") -> bytes:
    """One message of a client."""
    return kind.encode() + struct.pack(">I", len(body) + 4) + body


def startup(parameters: dict[str, str], version: int = PROTOCOL_3_0) -> bytes:
    """A StartupMessage."""
    pairs = b"".join(text.encode() + b"\0" for pair in parameters.items() for text in pair)
    return packet(struct.pack(">I", version) + pairs + b"\0")


def packet(body: bytes) -> bytes:
    """A packet without a kind: start-up, SSLRequest, CancelRequest."""
    return struct.pack(">I", len(body) + 4) + body


def cancel_request(pid: int, key: bytes) -> bytes:
    """A CancelRequest."""
    return packet(struct.pack(">II", 80877102, pid) + key)


def query(text: str) -> bytes:
    """A simple query."""
    return message("Q", text.encode() + b"\0")


def parse(name: str, text: str, types: Sequence[int] = ()) -> bytes:
    """Parse."""
    oids = b"".join(struct.pack(">I", oid) for oid in types)
    return message("P", f"{name}\0{text}\0".encode() + struct.pack(">H", len(types)) + oids)


def bind(
    portal: str = "",
    statement: str = "",
    values: Sequence[bytes | None] = (),
    formats: Sequence[int] = (),
    results: Sequence[int] = (),
) -> bytes:
    """Bind."""
    cells = b"".join(struct.pack(">i", -1) if v is None else struct.pack(">i", len(v)) + v for v in values)
    body = f"{portal}\0{statement}\0".encode() + _codes(formats) + struct.pack(">H", len(values)) + cells
    return message("B", body + _codes(results))


def _codes(codes: Iterable[int]) -> bytes:
    given = list(codes)
    return struct.pack(f">H{len(given)}H", len(given), *given)


def describe(name: str = "", what: str = "P") -> bytes:
    """Describe of a portal, or with "S" of a statement."""
    return message("D", f"{what}{name}\0".encode())


def execute(portal: str = "", rows: int = 0) -> bytes:
    """Execute."""
    return message("E", f"{portal}\0".encode() + struct.pack(">I", rows))


def close(name: str = "", what: str = "S") -> bytes:
    """Close of a statement, or with "P" of a portal."""
    return message("C", f"{what}{name}\0".encode())


def sync() -> bytes:
    """Sync."""
    return message("S")


def flush() -> bytes:
    """Flush."""
    return message("H")


def terminate() -> bytes:
    """Terminate."""
    return message("X")


@contextlib.contextmanager
def connected(port: int) -> Iterator[Wire]:
    """A connection to a loopback port."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Wire(raw)


def log_in(wire: Wire, target: str, token: str, version: int = PROTOCOL_3_0, **parameters: str) -> list[Message]:
    """Log in with a token as password; everything the server said."""
    wire.send(startup({"user": "anybody", "database": target} | parameters, version))
    asked = wire.until("R", "E")
    if not asked or asked[-1].kind == "E":
        return asked
    wire.send(message("p", token.encode() + b"\0"))
    return [*asked, *wire.until("Z", "E")]


@contextlib.contextmanager
def logged_in(port: int, target: str, token: str, version: int = PROTOCOL_3_0, **parameters: str) -> Iterator[Wire]:
    """A connection that is logged in."""
    with connected(port) as wire:
        said = log_in(wire, target, token, version, **parameters)
        assert said and said[-1].kind == "Z", said
        wire.everything.clear()
        yield wire


def kinds(messages: Iterable[Message]) -> str:
    """The kinds of messages, as a text."""
    return "".join(m.kind for m in messages)


def cells(messages: Iterable[Message]) -> list[list[bytes | None]]:
    """The cells of every row."""
    return [m.cells for m in messages if m.kind == "D"]


def codes(messages: Iterable[Message]) -> list[str]:
    """The SQLSTATE of every error."""
    return [m.fields["C"] for m in messages if m.kind == "E"]
