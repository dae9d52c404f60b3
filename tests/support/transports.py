"""Two ends of real connections, on Twisted's own transports and on ours, for tests of the transport contract."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import clientFromString, serverFromString
from twisted.internet.interfaces import IHalfCloseableProtocol, IHandshakeListener
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

from twisted_hoop.transport import client_endpoint, server_endpoint


@dataclass(frozen=True)
class Kind:
    """One make of transports: how its endpoints are had."""

    name: str
    server: Callable[[Any, str], Any]
    client: Callable[[Any, str], Any]


STOCK = Kind("stock", serverFromString, clientFromString)
EAGER = Kind("eager", server_endpoint, client_endpoint)


@dataclass(frozen=True)
class Ended:
    """A Failure that may be returned from a coroutine without being raised."""

    reason: Any

    def check(self, kind: type[BaseException]) -> bool:
        return self.reason.check(kind) is not None


class End(Protocol):
    """Keeps what happens to one connection. `got(n)` waits for n bytes in all, `ended()` for the end."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.events: list[str] = []
        self.reasons: list[Any] = []
        self._gone: Deferred[None] = Deferred()
        self.connected_now: Deferred[None] = Deferred()
        self.on_data: Callable[[bytes], None] | None = None
        self.deep = 0
        self.deepest = 0
        self._waiting: list[tuple[int, Deferred[None]]] = []

    def connectionMade(self) -> None:
        self.events.append("made")
        self.connected_now.callback(None)

    def dataReceived(self, data: bytes) -> None:
        self.deep += 1
        self.deepest = max(self.deep, self.deepest)
        self.data += data
        if self.on_data is not None:
            self.on_data(data)
        self.deep -= 1
        for entry in [each for each in self._waiting if len(self.data) >= each[0]]:
            self._waiting.remove(entry)
            entry[1].callback(None)

    def got(self, count: int) -> Deferred[None]:
        waiting: Deferred[None] = Deferred()
        if len(self.data) >= count:
            waiting.callback(None)
        else:
            self._waiting.append((count, waiting))
        return waiting

    def connectionLost(self, reason: Any = None) -> None:
        self.events.append("lost")
        self.reasons.append(reason)
        if not self._gone.called:
            self._gone.callback(None)

    async def ended(self) -> Ended:
        """The reason of the end."""
        await self._gone
        return Ended(self.reasons[0])


@implementer(IHalfCloseableProtocol)
class HalfEnd(End):
    """An end that hears of each direction."""

    def readConnectionLost(self) -> None:
        self.events.append("read-lost")

    def writeConnectionLost(self) -> None:
        self.events.append("write-lost")


@implementer(IHandshakeListener)
class TlsEnd(End):
    """An end that hears of the handshake, and may choose TLS by the first byte."""

    context: ssl.SSLContext | None = None

    def __init__(self) -> None:
        super().__init__()
        self.first: list[int] = []

    def handshakeCompleted(self) -> None:
        self.events.append("shaken")

    def firstByte(self, byte: int) -> ssl.SSLContext | None:
        self.first.append(byte)
        return self.context if byte == 0x16 else None


class Producer:
    """A producer that keeps what it was told: "stop", "go", "end"."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("stop")

    def resumeProducing(self) -> None:
        self.told.append("go")

    def stopProducing(self) -> None:
        self.told.append("end")


class Ends(Factory):
    """Builds ends and keeps them; `next()` waits for the next one."""

    def __init__(self, make: Callable[[], End] = End) -> None:
        self.make = make
        self.built: list[End] = []
        self.starts = 0
        self.stops = 0
        self._waiting: list[Deferred[End]] = []

    def startFactory(self) -> None:
        self.starts += 1

    def stopFactory(self) -> None:
        self.stops += 1

    def buildProtocol(self, addr: Any) -> End:
        end = self.make()
        self.built.append(end)
        if self._waiting:
            waiting = self._waiting.pop(0)
            end.connected_now.addCallback(lambda _: waiting.callback(end))
        return end

    def next(self) -> Deferred[End]:
        self._waiting.append(Deferred())
        return self._waiting[-1]


@dataclass
class Pair:
    """A connected pair and the port it came through."""

    server: Any
    client: Any
    port: Any
    factory: Ends

    async def close(self) -> None:
        for end in (self.server, self.client):
            if not end.reasons:
                end.transport.abortConnection()
                await end.ended()
        await self.port.stopListening()


async def pair(
    reactor: Any, kind: Kind, server: Callable[[], End] = End, client: Callable[[], End] = End, where: str = ""
) -> Pair:
    """A connected pair over TCP on loopback, or over the Unix socket `where`."""
    factory = Ends(server)
    description = f"unix:{where}" if where else "tcp:0:interface=127.0.0.1"
    port = await kind.server(reactor, description).listen(factory)
    target = f"unix:{where}" if where else f"tcp:127.0.0.1:{port.getHost().port}"
    accepted = factory.next()
    connected = await kind.client(reactor, target).connect(Ends(client))
    return Pair(await accepted, connected, port, factory)


async def pause(reactor: Any, seconds: float = 0.0) -> None:
    """Let the reactor turn."""
    waited: Deferred[None] = Deferred()
    reactor.callLater(seconds, waited.callback, None)
    await waited


@dataclass(frozen=True)
class Certificates:
    """PEM files of a CA and of a server certificate for `localhost`, 127.0.0.1 and ::1."""

    ca: str
    cert: str
    key: str


def make_certificates(folder: Path, serial: int = 1) -> Certificates:
    """A new CA and server certificate."""
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("transport CA", "transport CA", ca_key, ca_key, serial, ca=True)
    leaf = _certificate("localhost", "transport CA", key, ca_key, serial, ca=False)
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    files = Certificates(str(folder / "ca.pem"), str(folder / "cert.pem"), str(folder / "key.pem"))
    Path(files.ca).write_bytes(ca.public_bytes(pem))
    Path(files.cert).write_bytes(leaf.public_bytes(pem))
    Path(files.key).write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))
    return files


def _certificate(subject: str, issuer: str, key: Any, signer: Any, serial: int, ca: bool) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1"))]
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(serial + (1000 if ca else 0))
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if not ca:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(signer, hashes.SHA256())
