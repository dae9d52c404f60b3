"""What channels and listeners a side wants, read and put as commands (RFC 4254, section 7, and PROTOCOL of OpenSSH).

Pure. Whatever does not parse is a ValueError: it is refused, and nothing else happens. What has no class here has no
command, and is refused by its name (S12).
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_hoop.identity.ssh_wire import Reader, string, u32
from twisted_hoop.model import Command
from twisted_hoop.policy.destinations import destination_of, socket_of
from twisted_hoop.ssh.requests import shown

SESSION = b"session"
DIRECT_TCP, DIRECT_SOCKET = b"direct-tcpip", b"direct-streamlocal@openssh.com"
FORWARDED_TCP, FORWARDED_SOCKET = b"forwarded-tcpip", b"forwarded-streamlocal@openssh.com"
X11, AGENT = b"x11", b"auth-agent@openssh.com"
LISTEN_TCP, LISTEN_SOCKET = b"tcpip-forward", b"streamlocal-forward@openssh.com"
CANCEL = {b"cancel-tcpip-forward": LISTEN_TCP, b"cancel-streamlocal-forward@openssh.com": LISTEN_SOCKET}
NO_MORE_SESSIONS = b"no-more-sessions@openssh.com"

LONGEST = 1024
"""Bytes of a host name or a path that are believed."""


@dataclass(frozen=True, slots=True)
class Place:
    """A host and port, or the path of a socket when `port` is None."""

    host: bytes
    port: int | None = None

    @property
    def destination(self) -> str:
        """As rules see it."""
        host = shown(self.host)
        return socket_of(host) if self.port is None else destination_of(host, self.port)


def direct_place(kind: bytes, data: bytes) -> Place:
    """Where a channel of the client's is to lead (section 7.2). ValueError."""
    return _place(Reader(data), kind == DIRECT_SOCKET)


def listen_place(name: bytes, data: bytes) -> Place:
    """Where a target is to listen for the client (section 7.1). ValueError."""
    reader = Reader(data)
    place = _place(reader, name == LISTEN_SOCKET)
    reader.end()
    return place


def forwarded_place(kind: bytes, data: bytes) -> Place:
    """Which listener of the target a channel comes from (section 7.2). ValueError."""
    return _place(Reader(data), kind == FORWARDED_SOCKET)


def originator(kind: bytes, data: bytes) -> str:
    """Who connected, as the other side says, for the recording; "" where it does not say."""
    try:
        reader = Reader(data)
        if kind == X11:
            return f"{shown(reader.string())}:{reader.u32()}"
        if kind in (DIRECT_TCP, FORWARDED_TCP):
            _place(reader, False)
            return f"{shown(reader.string())}:{reader.u32()}"
    except ValueError:
        pass
    return ""


def bound_place(place: Place, answer: bytes) -> Place:
    """The place a target listens at: for port 0 its answer says which port it took. ValueError."""
    if place.port != 0:
        return place
    return Place(place.host, Reader(answer).u32())


def pack_direct(place: Place) -> bytes:
    """The data of a direct-tcpip channel, originating nowhere."""
    return string(place.host) + u32(place.port or 0) + string(b"127.0.0.1") + u32(0)


def forward_command(place: Place) -> Command:
    """To lead a channel there, by the target's own sshd (S10)."""
    facts = {"class": frozenset({"forward"}), "destination": frozenset({place.destination})}
    return Command("forward", f"forward to {place.destination}", (facts,))


def listen_command(place: Place) -> Command:
    """To let the target listen there, for the client."""
    facts = {"class": frozenset({"listen"}), "destination": frozenset({place.destination})}
    return Command("listen", f"listen on {place.destination}", (facts,))


def _place(reader: Reader, local: bool) -> Place:
    host = reader.string()
    if len(host) > LONGEST or b"\0" in host:
        raise ValueError("no place is called like that")
    if local:
        return Place(host)
    port = reader.u32()
    if port > 65535:
        raise ValueError("there is no such port")
    return Place(host, port)
