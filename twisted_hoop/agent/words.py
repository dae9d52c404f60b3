"""What gateway and agent say to each other besides channels, as bytes and as values. Pure.

Streams are SSH channels (RFC 4254, section 7.2; `direct-streamlocal@openssh.com` for sockets) that only the gateway
opens; what concerns no stream is a global request. Whatever is malformed, or more than fits, is a ValueError.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from twisted_hoop.identity.ssh_wire import Reader, string, strings, u32
from twisted_hoop.ssh.wishes import DIRECT_SOCKET, DIRECT_TCP, Place, direct_place, pack_direct
from twisted_hoop.transport.connect import TcpPlace, UnixPlace

HELLO = b"agent-hello@twisted-hoop"
"""Agent to gateway, once, first of all: a Hello; answered by the gateway's keys."""
RENEW = b"agent-renew@twisted-hoop"
"""Agent to gateway: the line of its public key; answered by the line of a certificate."""
LEAVES = b"agent-leaves@twisted-hoop"
"""Agent to gateway: no new streams, please. Not answered."""
OUTER = b"agent-outer@twisted-hoop"
"""Gateway to agent, once: a proof of the TLS outside (outside.py). The agent's answer is a request of the same name:
its own proof, and the last thing it encrypts."""
BARE = b"agent-bare@twisted-hoop"
"""Gateway to agent: the last thing that the gateway encrypts. Not answered."""
ALIVE = b"keepalive@openssh.com"
"""Either way: any answer says that the other end lives."""
WEBSOCKET_PATH = b"/v1/agent"
"""Where a WebSocket leads to a listener of agents."""

LONGEST_LINE = 16 * 1024
MOST_OFFERED = 512
LONGEST_OFFER = 512
LONGEST_VERSION = 64
_MOST_KEYS = 16


@dataclass(frozen=True, slots=True)
class Hello:
    """What an agent says of itself: its version, and what its allow-list names (for people to look at)."""

    version: str
    offered: tuple[str, ...]


def pack_hello(hello: Hello) -> bytes:
    """A Hello as data of its request; what is too much to be told is left out."""
    offered = [line.encode()[:LONGEST_OFFER] for line in hello.offered[:MOST_OFFERED]]
    return strings(hello.version.encode()[:LONGEST_VERSION]) + u32(len(offered)) + strings(*offered)


def parse_hello(data: bytes) -> Hello:
    """The reverse, of an agent that may say anything."""
    reader = Reader(data)
    version = _text(reader.string(), LONGEST_VERSION)
    count = reader.u32()
    if count > MOST_OFFERED:
        raise ValueError("an agent offers too much")
    offered = tuple(_text(reader.string(), LONGEST_OFFER) for _ in range(count))
    reader.end()
    return Hello(version, offered)


def pack_lines(lines: Sequence[str]) -> bytes:
    """Lines of keys or certificates."""
    return u32(len(lines)) + strings(*(line.encode() for line in lines))


def parse_lines(data: bytes) -> tuple[str, ...]:
    """The reverse."""
    reader = Reader(data)
    count = reader.u32()
    if count > _MOST_KEYS:
        raise ValueError("too many lines")
    lines = tuple(_text(reader.string(), LONGEST_LINE) for _ in range(count))
    reader.end()
    return lines


def pack_place(place: TcpPlace | UnixPlace) -> tuple[bytes, bytes]:
    """Kind and data of the channel that leads to a place."""
    if isinstance(place, UnixPlace):
        return DIRECT_SOCKET, string(place.path.encode()) + string(b"") + u32(0)
    return DIRECT_TCP, pack_direct(Place(place.host.encode(), place.port))


def parse_place(kind: bytes, data: bytes) -> TcpPlace | UnixPlace:
    """The reverse; ValueError for a kind that leads nowhere too."""
    if kind not in (DIRECT_TCP, DIRECT_SOCKET):
        raise ValueError("no such kind of channel")
    place = direct_place(kind, data)
    name = _text(place.host, LONGEST_OFFER * 2)
    if not name:
        raise ValueError("no place is called like that")
    return UnixPlace(name) if place.port is None else TcpPlace(name, place.port)


def described(place: TcpPlace | UnixPlace) -> str:
    """A place as people write it: `db.internal:5432`, `unix:/run/db.sock`."""
    if isinstance(place, UnixPlace):
        return f"unix:{place.path}"
    return f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}"


def _text(data: bytes, longest: int) -> str:
    if len(data) > longest:
        raise ValueError("a text is too long")
    text = data.decode()  # UnicodeDecodeError is a ValueError
    if not text.isprintable():
        raise ValueError("a text with characters that cannot be shown")
    return text
