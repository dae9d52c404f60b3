"""New connections that are refused, each in its protocol's own words: 53300, SSH_MSG_DISCONNECT, 503 with Retry-After.

Listeners of the API are not guarded: operators have to get in when nobody else does. Agents are no sessions, and those
that are open may need them: only what is too fast, and a process under pressure, keeps them out (S7).
"""

from __future__ import annotations

import ssl
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure

from twisted_hoop.postgres import messages as pg
from twisted_hoop.sessions import Sessions
from twisted_hoop.settings import GatewaySection
from twisted_hoop.shedding import Shedder

MOST_TOLD = 200
"""Connections that are being told; further ones are closed without a word, which costs nothing."""
PATIENCE = 5.0
"""Seconds one has to listen."""
RETRY_AFTER = 5
_TEXT = "too many connections: try again in a moment"
_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
_PAGE = 4096 / (1 << 20)
Context = Callable[[], ssl.SSLContext]


class Guard:
    """What all listeners of a process share. `guarded` wraps a factory, `refused` counts by (listener, reason)."""

    log = Logger()

    def __init__(self, reactor: Any, gateway: GatewaySection, sessions: Sessions) -> None:
        def of(host: str) -> int:
            return sum(live.session.peer.address == host for live in sessions)

        self.reactor = reactor
        self.shedder = Shedder(gateway, lambda: len(sessions), of, reactor.seconds)
        self.refused: Counter[tuple[str, ...]] = Counter()
        self.told = 0
        self._ticks = LoopingCall(self._tick)
        self._ticks.clock = reactor
        self._last = 0.0
        self._period: dict[str, int] = {}

    def start(self) -> None:
        """Look at the process once a second."""
        self._last = self.reactor.seconds()
        self._ticks.start(1.0, now=False).addErrback(lambda f: self.log.failure("nobody looks at load", failure=f))

    def stop(self) -> None:
        """Look no more. Idempotent."""
        if self._ticks.running:
            self._ticks.stop()

    def guarded(self, name: str, protocol: str, factory: Any, context: Context | None) -> Any:
        """The factory behind the limits; the same for what has no words for a refusal."""
        return Guarded(self, name, protocol, factory, context) if protocol in _WORDS else factory

    def refuse(self, listener: str, reason: str) -> None:
        """Count one; one line in the log when a period of refusals begins."""
        self.refused[listener, reason] += 1
        if reason not in self._period:
            self.log.warn("new connections are refused: {reason}", reason=reason, listener=listener)
        self._period[reason] = self._period.get(reason, 0) + 1

    def _tick(self) -> None:
        now = self.reactor.seconds()
        late, self._last = max(0.0, now - self._last - 1.0), now
        self.shedder.measured(late, resident())
        still = self.shedder.why
        for reason in [each for each in self._period if each != still]:
            count = self._period.pop(reason)
            if count:
                self._period[reason] = 0  # a second without any ends the period
                self._counted(reason, count)
            else:
                self.log.info("connections are accepted again: {reason}", reason=reason)

    def _counted(self, reason: str, count: int) -> None:
        self.log.debug("{count} connections were refused: {reason}", count=count, reason=reason)


def resident() -> float:
    """MiB of memory this process has in use; 0.0 where the system does not say (proc(5))."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0.0


class Guarded(WrappingFactory):
    """A listener's factory behind the limits. What it refuses itself (too many wait to log in) is told as well."""

    noisy = False

    def __init__(self, guard: Guard, name: str, protocol: str, wrapped: Any, context: Context | None) -> None:
        super().__init__(wrapped)  # type: ignore[no-untyped-call]
        self._guard, self._name, self.context = guard, name, context
        self._refusing, self._words = _WORDS[protocol]
        self._sessions = protocol != "agent"

    def buildProtocol(self, addr: Any) -> Any:
        """The wrapped factory's own protocol; one that refuses; or None, when too many are being refused (P8, S7)."""
        reason = self._guard.shedder.refusal(getattr(addr, "host", "local"), self._sessions)
        protocol = None if reason else self.wrappedFactory.buildProtocol(addr)
        if protocol is not None:
            return protocol
        self._guard.refuse(self._name, reason or "waiting")
        if self._guard.told >= MOST_TOLD:
            return None
        host = getattr(addr, "host", "local")
        return self._refusing(self._guard, self._words, self.wrappedFactory, host, self.context)


class Refusing(Protocol):
    """Hears what the client begins with, says no, and closes; or closes after PATIENCE.

    `words` is called when the client said something, and finds all of it in `data`: it says no with `say`, or goes on
    listening. `factory` is the listener's own, `host` the client's address.
    """

    transport: Any

    def __init__(self, guard: Guard, words: Words, factory: Any, host: str, context: Context | None) -> None:
        self._guard, self._words = guard, words
        self.factory, self.host, self.context = factory, host, context
        self.data = b""
        self._late: Any = None
        guard.told += 1

    def connectionMade(self) -> None:
        """Twisted's."""
        self._late = self._guard.reactor.callLater(PATIENCE, self._too_late)

    def dataReceived(self, data: bytes) -> None:
        """Twisted's. Nobody needs more than a page to begin with."""
        self.data += data
        if len(self.data) > 16384:
            self.transport.abortConnection()
        else:
            self._words(self)

    def say(self, words: bytes) -> None:
        """The last words."""
        self.transport.write(words)
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted's."""
        self._guard.told -= 1
        if self._late is not None and self._late.active():
            self._late.cancel()

    def _too_late(self) -> None:
        self.transport.abortConnection()


class RefusingTls(Refusing):
    """One that may begin with TLS."""

    def firstByte(self, byte: int) -> ssl.SSLContext | None:
        """See IFirstByteListener: a refusal in the clear could not be read by who expects TLS."""
        return self.context() if byte == 0x16 and self.context is not None else None


Words = Callable[[Refusing], None]


def in_postgres(client: Refusing) -> None:
    """53300 (too_many_connections), within TLS when the client asks for it. Cancel requests go on: they help."""
    if len(client.data) < 8:
        return
    size, code = struct.unpack_from(">II", client.data)
    if code in (_SSL, _GSS) and size == 8:
        client.data = client.data[8:]
        if code == _SSL and client.context is not None and not client.data:  # P1: nothing may stand behind it
            client.transport.write(b"S")
            client.transport.start_tls(client.context(), True)
        else:
            client.transport.write(b"N")
    elif code == _CANCEL and 12 < size <= 268 and len(client.data) >= size:
        client.factory.cancel(client.host, *struct.unpack_from(">I", client.data, 8), client.data[12:size])
        client.transport.loseConnection()
    elif code != _CANCEL:
        client.say(pg.fatal("53300", f"hoop: {_TEXT}"))


def in_ssh(client: Refusing) -> None:
    """SSH_MSG_DISCONNECT before any key is exchanged (RFC 4253, sections 4.2 and 11.1): a version line begins."""
    client.say(b"SSH-2.0-hoop\r\n" + disconnect(12, _TEXT))


def in_http(client: Refusing) -> None:
    """503 with Retry-After (RFC 9110, section 15.6.4)."""
    if b"\r\n\r\n" in client.data:
        body = b'{"kind":"Status","apiVersion":"v1","status":"Failure","code":503,"reason":"ServiceUnavailable",'
        body += b'"message":"hoop: %s"}\n' % _TEXT.encode()
        head = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: %d\r\ncontent-type: application/json\r\n"
        head += b"content-length: %d\r\nconnection: close\r\n\r\n"
        client.say(head % (RETRY_AFTER, len(body)) + body)


def in_either(client: Refusing) -> None:
    """To an agent: SSH at once, or an upgrade to a WebSocket (`agent.doorstep`); it tries again later by itself."""
    if client.data.startswith(b"SSH-"):
        in_ssh(client)
    elif not b"SSH-".startswith(client.data):
        in_http(client)


def disconnect(code: int, text: str) -> bytes:
    """SSH_MSG_DISCONNECT as a packet without encryption (RFC 4253, section 6): in blocks of 8, 4 bytes of padding."""
    words = text.encode()
    payload = struct.pack(">BII", 1, code, len(words)) + words + b"\0\0\0\0"
    padding = 8 - (len(payload) + 5) % 8
    padding += 8 if padding < 4 else 0
    return struct.pack(">IB", len(payload) + padding + 1, padding) + payload + bytes(padding)


_WORDS: dict[str, tuple[type[Refusing], Words]] = {
    "postgres": (RefusingTls, in_postgres),
    "ssh": (Refusing, in_ssh),
    "http": (RefusingTls, in_http),
    "agent": (RefusingTls, in_either),
}
