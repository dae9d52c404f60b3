"""Listening: a server endpoint and its port, which make eager transports.

Accepting never waits for a peer (S7): a client that has connected and says nothing costs a socket and a protocol.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from typing import Any, Protocol, cast

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IReadDescriptor,
    IStreamServerEndpoint,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_hoop.transport.stream import EagerTransport

ACCEPTS_PER_EVENT = 32
"""Connections accepted before others have their turn."""
ACCEPT_BACKOFF = 0.5
"""Seconds without accepting after the process ran out of descriptors or memory: trying at once would only spin."""
_EXHAUSTED = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


def address_of(family: int, name: Any) -> IAddress:
    """What `getsockname` or `getpeername` gave, as Twisted's address."""
    if family == socket.AF_UNIX:
        return UNIXAddress(name or None)
    if family == socket.AF_INET6:
        return IPv6Address("TCP", *name)
    return IPv4Address("TCP", *name)


class Binding(Protocol):
    """How a listening socket is had and let go of."""

    def open(self) -> socket.socket:
        """A listening socket, or raise CannotListenError."""

    def close(self, sock: socket.socket) -> None:
        """Close it and what belongs to it on disk."""


@implementer(IListeningPort, IReadDescriptor)
class EagerPort:
    """A listening socket. Errors in building one connection's protocol close that connection and no other (R15)."""

    def __init__(self, reactor: Any, binding: Binding, factory: IProtocolFactory) -> None:
        self._reactor = reactor
        self._binding = binding
        self._factory = factory
        self._socket: socket.socket | None = None
        self._host: IAddress | None = None
        self._resting: Any = None
        self._stopped: Deferred[None] | None = None

    def startListening(self) -> None:
        """Bind and accept. CannotListenError when that cannot be done."""
        self._socket = self._binding.open()
        self._socket.setblocking(False)
        self._host = address_of(self._socket.family, self._socket.getsockname())
        self._factory.doStart()
        self._reactor.addReader(self)

    def stopListening(self) -> Deferred[None]:
        """Accept no more. Connections that are open stay open."""
        self.connectionLost(Failure(ConnectionAbortedError("stopListening")))
        return succeed(None)

    def getHost(self) -> Any:
        """The address listened on, with the port the kernel chose when 0 was asked for."""
        return self._host

    def fileno(self) -> int:
        """The descriptor; -1 when not listening."""
        return self._socket.fileno() if self._socket is not None else -1

    def logPrefix(self) -> str:
        """The factory's class."""
        return f"{type(self._factory).__name__} (port)"

    def doRead(self) -> None:
        """Connections wait."""
        for _ in range(ACCEPTS_PER_EVENT):
            if self._socket is None or not self._accept(self._socket):
                return

    def _accept(self, listening: socket.socket) -> bool:
        """Accept one: whether to try for another."""
        try:
            sock, name = listening.accept()
        except BlockingIOError:
            return False
        except OSError as why:
            return self._not_accepted(why)
        try:
            self._connected(sock, name)
        except Exception:  # noqa: BLE001 - one connection's failure is its own (R15)
            Logger().failure("{prefix}: a connection could not be set up", prefix=self.logPrefix())
            sock.close()
        return True

    def _not_accepted(self, why: OSError) -> bool:
        if why.errno not in _EXHAUSTED:
            return True  # ECONNABORTED and its like: that peer is gone already (accept(2))
        Logger().error("{prefix}: cannot accept: {why}", prefix=self.logPrefix(), why=why)
        self._reactor.removeReader(self)
        self._resting = self._reactor.callLater(ACCEPT_BACKOFF, self._rested)
        return False

    def _rested(self) -> None:
        self._resting = None
        self._reactor.addReader(self)

    def _connected(self, sock: socket.socket, name: Any) -> None:
        peer = address_of(sock.family, name)
        protocol = self._factory.buildProtocol(peer)
        if protocol is None:
            sock.close()
            return
        host = address_of(sock.family, sock.getsockname())
        EagerTransport(self._reactor, sock, peer, host).attach(protocol)

    def connectionLost(self, reason: Failure) -> None:
        """The end of listening, once; the reactor calls this when it shuts down."""
        if self._socket is None:
            return
        self._reactor.removeReader(self)
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        listening, self._socket = self._socket, None
        self._binding.close(listening)
        self._factory.doStop()


@implementer(IStreamServerEndpoint)
class EagerServerEndpoint:
    """A place to listen. `listen` may be called again after the port was stopped."""

    def __init__(self, reactor: Any, binding: Binding) -> None:
        self._reactor = reactor
        self._binding = binding

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """An EagerPort; fails with CannotListenError."""
        return _fired(lambda: self._listening(protocolFactory))

    def _listening(self, factory: IProtocolFactory) -> IListeningPort:
        port = EagerPort(self._reactor, self._binding, factory)
        port.startListening()
        return cast(IListeningPort, port)


def _fired(call: Callable[[], IListeningPort]) -> Deferred[IListeningPort]:
    try:
        return succeed(call())
    except Exception:  # noqa: BLE001 - a Deferred carries every failure
        return fail()
