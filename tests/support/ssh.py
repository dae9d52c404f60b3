"""Two ends of our SSH engine back to back in memory, without sockets, keys on disk, or a running reactor.

pair = connected()                      # a client that logged in with `none`, and a server that lets it
channel = pair.client.open(b"session")  # a `Talker`: `.events` it was told, `.channel` to send on
pair.pump()                             # everything that was written arrives, in pieces as `chunks` cuts them
pair.server.openings                    # what the server was asked for; `accept(n)` gives a Talker
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.service import SSHService
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IConsumer, ITCPTransport
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_hoop.ssh.algorithms import host_keys_of
from twisted_hoop.ssh.events import STDOUT, Data, Event
from twisted_hoop.ssh.fields import Reader, string
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.transport import ClientTransport, ServerTransport

HIGH_WATER = 64 * 1024
Chunks = Callable[[bytes], list[bytes]]
"""Cuts what one side wrote into the pieces in which it arrives."""


def whole(data: bytes) -> list[bytes]:
    """In one piece."""
    return [data]


def bytewise(data: bytes) -> list[bytes]:
    """Byte by byte."""
    return [data[i : i + 1] for i in range(len(data))]


@implementer(ITCPTransport, IConsumer)
class Memory:
    """One end's transport. What is written waits in `sent`; `stopped` makes it a socket that takes nothing more."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.total = 0
        self.stopped = False
        self.paused = False
        self.reading = True
        self.closing = self.closed = False
        self.protocol: Any = None
        self.producer: Any = None

    def write(self, data: Any) -> None:
        if self.closing:
            return
        self.sent += data
        self.total += len(data)
        self._watch()

    def writeSequence(self, data: Any) -> None:
        self.write(b"".join(data))

    def _watch(self) -> None:
        if self.stopped and len(self.sent) > HIGH_WATER and not self.paused and self.producer is not None:
            self.paused = True
            self.producer.pauseProducing()

    def taken(self) -> bytes:
        """Everything leaves."""
        if self.stopped:
            return b""
        data = bytes(self.sent)
        self.sent.clear()
        if self.paused and self.producer is not None:
            self.paused = False
            self.producer.resumeProducing()
        return data

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert self.producer is None
        self.producer = producer

    def unregisterProducer(self) -> None:
        self.producer = None

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        self.reading = True

    def stopProducing(self) -> None:
        self.loseConnection()

    def loseConnection(self) -> None:
        self.closing = True

    def loseWriteConnection(self) -> None:
        self.closing = True

    def abortConnection(self) -> None:
        self.closing = True
        self.sent.clear()
        self.lost(ConnectionAborted())

    def lost(self, why: Exception | None = None) -> None:
        if not self.closed:
            self.closed = True
            self.protocol.connectionLost(Failure(why or ConnectionDone()))

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "192.0.2.1", 50000)

    getHost = getPeer

    def getTcpNoDelay(self) -> bool:
        return True

    getTcpKeepAlive = getTcpNoDelay

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Nothing."""

    setTcpKeepAlive = setTcpNoDelay


class LetIn(SSHService):
    """A server's ssh-userauth that lets everybody in; the login is the user's name."""

    name = b"ssh-userauth"
    transport: Any

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        assert messageNum == 50
        self.transport.authenticated(Reader(packet).string())


class AskNone(SSHService):
    """A client's ssh-userauth that asks with `none`."""

    name = b"ssh-userauth"
    transport: Any

    def serviceStarted(self) -> None:
        self.transport.sendPacket(50, string(b"alice") + string(b"ssh-connection") + string(b"none"))

    def packetReceived(self, messageNum: int, packet: bytes) -> None:
        if messageNum == 52:
            self.transport.authenticated()


@dataclass
class Talker:
    """A ChannelHandler that keeps what it is told, and credits at once unless `crediting` is False."""

    crediting: bool = True
    events: list[Event] = field(default_factory=list)
    channel: Any = None
    drains: int = 0
    losses: int = 0
    on_event: Callable[[Event], None] | None = None

    def received(self, event: Event) -> None:
        if isinstance(event, Data):
            event = Data(event.stream, bytes(event.data))
            if self.crediting and self.channel is not None:
                self.channel.credit(len(event.data))
        self.events.append(event)
        if self.on_event is not None:
            self.on_event(event)

    def drained(self) -> None:
        self.drains += 1

    def lost(self) -> None:
        self.losses += 1

    def send(self, event: Event) -> None:
        self.channel.send(event)

    def data(self, stream: int = STDOUT) -> bytes:
        """All data of a stream."""
        return b"".join(bytes(e.data) for e in self.events if isinstance(e, Data) and e.stream == stream)

    def others(self) -> list[Event]:
        """All events but data."""
        return [e for e in self.events if not isinstance(e, Data)]


@dataclass
class Side:
    """A ConnectionHandler that keeps what it is told."""

    connection: Any = None
    login: Any = None
    openings: list[Any] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    lost_because: list[str] = field(default_factory=list)

    def started(self, connection: Any) -> None:
        self.connection = connection

    def open_requested(self, opening: Any) -> None:
        self.openings.append(opening)

    def global_requested(self, request: Any) -> None:
        self.requests.append(request)

    def lost(self, reason: str) -> None:
        self.lost_because.append(reason)

    def open(self, kind: bytes = b"session", data: bytes = b"", window: int = 0, crediting: bool = True) -> Talker:
        talker = Talker(crediting)
        talker.channel = self.connection.open(kind, data, talker, window)
        return talker

    def accept(self, number: int = -1, crediting: bool = True, window: int = 0) -> Talker:
        talker = Talker(crediting)
        talker.channel = self.openings[number].accept(talker, window=window)
        return talker


class Pair:
    """A client and a server; `client` and `server` are their Sides once connected."""

    def __init__(self, chunks: Chunks = whole, limits: Limits | None = None, server_limits: Limits | None = None):
        self.clock = Clock()
        self.chunks = chunks
        self.client, self.server = Side(), Side()
        self.ended: list[str] = []
        self.refused: list[Exception] = []
        keys = host_keys_of(ED25519)
        self.server_end = ServerTransport(
            self.clock, keys, lambda _: LetIn(), self._login, server_limits or limits, self.ended.append
        )
        self.client_end = ClientTransport(
            self.clock, self._known, lambda _: AskNone(), self.client, self.refused.append, limits=limits
        )
        self.client_wire, self.server_wire = Memory(), Memory()

    async def _known(self, blob: bytes) -> Key:
        key: Key = Key.fromString(blob)
        return key

    def _login(self, login: Any) -> Side:
        self.server.login = login
        return self.server

    def start(self) -> Pair:
        """Both connections are made."""
        for wire, end in ((self.client_wire, self.client_end), (self.server_wire, self.server_end)):
            wire.protocol = end
            end.makeConnection(wire)
        return self

    def pump(self) -> Pair:
        """Everything that was written arrives, and what that leads to, and the ends of closed connections."""
        while self._turn():
            pass
        return self

    def _turn(self) -> bool:
        moved = False
        for here, there in ((self.client_wire, self.server_wire), (self.server_wire, self.client_wire)):
            data = here.taken() if there.reading else b""
            for piece in self.chunks(data) if data else ():
                moved = True
                if not there.closed:
                    there.protocol.dataReceived(piece)
            if here.closing and not here.sent and not here.closed:
                here.lost()
                moved = True
            if here.closed and not there.closed and not here.sent:
                there.lost()
                moved = True
        return moved


def connected(chunks: Chunks = whole, limits: Limits | None = None, server_limits: Limits | None = None) -> Pair:
    """A pair that is logged in."""
    pair = Pair(chunks, limits, server_limits).start().pump()
    assert pair.client.connection is not None, (pair.refused, pair.ended)
    return pair


ED25519 = Key(ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
"""A host key; no secret of anybody's."""


def make_key(kind: str) -> Key:
    """A new private key: ed25519, ecdsa or rsa."""
    if kind == "rsa":
        return Key(rsa.generate_private_key(65537, 2048))
    return Key(ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ec.generate_private_key(ec.SECP256R1()))
