"""The way from an agent to its gateway: TCP, perhaps by way of a proxy, TLS, perhaps a WebSocket, then SSH.

What answers must prove itself before anything is said to it: by its TLS certificate (a CA, or a pin), and again inside
by its SSH host key.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_hoop.agent.websocket import (
    LONGEST_HEAD,
    WebSocketCarrier,
    accept_of,
    new_key,
    parse_head,
    request_of,
)
from twisted_hoop.agent.whereabouts import Proxy, Whereabouts
from twisted_hoop.errors import HoopError, ProtocolError
from twisted_hoop.transport.connect import EagerClientEndpoint, TcpPlace, explained

_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Uplink:
    """How to get to a gateway. `context` makes the TLS context, `pin` is a SHA-256 in hexadecimal or ""."""

    where: Whereabouts
    context: Callable[[], ssl.SSLContext] | None
    server_name: str = ""
    pin: str = ""
    proxy: Proxy | None = None
    within: float = 20.0


class _Wire(Protocol):
    """The connection while it is being opened: heads of HTTP are read, and nothing else; then it is somebody's."""

    transport: Any

    def __init__(self) -> None:
        self._data = b""
        self._waiting: Deferred[bytes] | None = None
        self._inner: Any = None
        self._lost: Failure | None = None

    def head(self) -> Deferred[bytes]:
        """The head of an HTTP message; what follows it stays."""
        self._waiting = Deferred()
        waiting = self._waiting
        self.dataReceived(b"")
        return waiting

    @property
    def unread(self) -> bytes:
        """What came and was not asked for."""
        return self._data

    def dataReceived(self, data: bytes) -> None:
        """Twisted's."""
        self._data += data
        waiting = self._waiting
        if waiting is None:
            if len(self._data) > LONGEST_HEAD:
                self.transport.abortConnection()
        elif _END in self._data:
            self._waiting = None
            head, self._data = self._data.split(_END, 1)
            waiting.callback(head)
        elif len(self._data) > LONGEST_HEAD:
            self._waiting = None
            waiting.errback(ProtocolError("an answer that is too long", "target"))

    def become(self, inner: Any, received: Callable[[bytes], None]) -> None:
        """`inner` is told of the end; what comes goes to `received` by the shortest way."""
        self._inner = inner
        data, self._data = self._data, b""
        self.dataReceived = received  # type: ignore[assignment,method-assign]
        if data:
            received(data)
        if self._lost is not None:
            inner.connectionLost(self._lost)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted's."""
        self._lost = reason
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.errback(ProtocolError("the connection was closed", "target"))
        if self._inner is not None:
            self._inner.connectionLost(reason)


class _Quiet(Factory):
    noisy = False


async def open_uplink(reactor: Any, uplink: Uplink, make: Callable[[], Any]) -> None:
    """Connect what `make` gives, a protocol, to the gateway. HoopError in words for an operator otherwise."""
    work: Deferred[None] = Deferred.fromCoroutine(_open(reactor, uplink, make))
    work.addTimeout(uplink.within, reactor, _too_late)
    try:
        await work
    except (HoopError, CancelledError):
        raise
    except Exception as why:
        raise ProtocolError(f"the gateway cannot be reached: {explained(why)}", "target") from why


def _too_late(_: object, within: float) -> None:
    raise error.TimeoutError(string=f"no answer within {within:g} seconds")


async def _open(reactor: Any, uplink: Uplink, make: Callable[[], Any]) -> None:
    proxy, where = uplink.proxy, uplink.where
    place = TcpPlace(where.host, where.port) if proxy is None else TcpPlace(proxy.host, proxy.port)
    wire = _Wire()
    await EagerClientEndpoint(reactor, place, uplink.within).connect(_Quiet.forProtocol(lambda: wire))
    try:
        if proxy is not None:
            await _through(wire, proxy, where)
        if uplink.context is not None:
            await _encrypt(wire, uplink, uplink.context())
        if where.path:
            await _upgrade(wire, where)
            carrier = WebSocketCarrier(wire.transport, "client")
            inner = make()
            carrier.attach(inner)
            wire.become(inner, carrier.received)
        else:
            inner = make()
            inner.makeConnection(wire.transport)
            wire.become(inner, inner.dataReceived)
    except BaseException:
        wire.transport.abortConnection()
        raise


async def _through(wire: _Wire, proxy: Proxy, where: Whereabouts) -> None:
    wire.transport.write(proxy.request(where))
    words = _words(await wire.head(), "the proxy")
    if not words[1].startswith(b"2") or len(words[1]) != 3:
        said = b" ".join(words[1:]).decode("ascii", "backslashreplace")[:100]
        raise ProtocolError(f"the proxy lets nobody through to {where.authority}: {said}", "target")


async def _encrypt(wire: _Wire, uplink: Uplink, context: ssl.SSLContext) -> None:
    transport = wire.transport
    transport.start_tls(context, False, uplink.server_name or uplink.where.host, wire.unread)
    await transport.handshake()
    if uplink.pin:
        found = hashlib.sha256(transport.tls.peer_certificate or b"").hexdigest()
        if not hmac.compare_digest(found, uplink.pin):
            raise ProtocolError(f"the gateway's certificate is not the pinned one: its SHA-256 is {found}", "target")


async def _upgrade(wire: _Wire, where: Whereabouts) -> None:
    key = new_key()
    wire.transport.write(request_of(where.authority, where.path, key))
    head = await wire.head()
    words = _words(head, "the gateway")
    try:
        headers = parse_head(head)[1]
    except ValueError as why:
        raise ProtocolError(f"the gateway's answer is {why}", "target") from None
    if words[1] != b"101" or headers.get(b"sec-websocket-accept") != accept_of(key):
        said = b" ".join(words[1:]).decode("ascii", "backslashreplace")[:100]
        raise ProtocolError(f"no WebSocket begins at {where.authority}{where.path}: {said}", "target")
    if b"sec-websocket-extensions" in headers or b"sec-websocket-protocol" in headers:
        raise ProtocolError("the gateway agreed to what was not offered", "target")


def _words(head: bytes, who: str) -> list[bytes]:
    words = head.split(b"\r\n", 1)[0].split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1."):
        raise ProtocolError(f"{who} does not speak HTTP", "target")
    return words
