"""How a connection becomes TLS: from the first byte or in the middle, and who waits for the handshake.

Not the connection itself: the transport says when, and keeps the order of bytes.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Literal

from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure
from zope.interface import Interface

from twisted_hoop.errors import ProtocolError
from twisted_hoop.transport.tls import TlsSession
from twisted_hoop.transport.wire import TlsWire

FirstByte = Callable[[int], "ssl.SSLContext | None"]


class IFirstByteListener(Interface):
    """A protocol that is shown the first byte before any is read. Having the method is enough."""

    def firstByte(byte: int) -> ssl.SSLContext | None:
        """With a context the connection is TLS from this byte on (PostgreSQL's direct TLS, 0x16); None: plain."""


def first_byte(sock: socket.socket) -> int | None:
    """The first byte to come, left where it is; -1 at the end, None when there is nothing yet. OSError when broken."""
    try:
        head = sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return None
    return head[0] if head else -1


class TlsStart:
    """The handshake of one connection, if there is one."""

    __slots__ = ("_outcome", "_socket", "_waiting", "wire")

    def __init__(self) -> None:
        self._socket: ssl.SSLSocket | None = None
        self._outcome: ProtocolError | Literal[True] | None = None
        self._waiting: list[Deferred[None]] | None = None
        self.wire: TlsWire | None = None
        """What the handshake goes over while it is under way, None before and after."""

    def wrap(
        self, sock: socket.socket, context: ssl.SSLContext, server_side: bool, hostname: str | None
    ) -> ssl.SSLSocket:
        """Take the descriptor over. OSError: the peer is gone and the descriptor is closed. ValueError: bad name."""
        wrapped = context.wrap_socket(
            sock,
            server_side=server_side,
            server_hostname=hostname,
            do_handshake_on_connect=False,
            suppress_ragged_eofs=False,  # an end without close_notify is a lost connection, not an end
        )
        self._socket = wrapped
        self.wire = TlsWire(wrapped)
        return wrapped

    def shake(self) -> TlsSession | None:
        """Go on with the handshake: the session when it is complete. OSError when it failed."""
        assert self.wire is not None and self._socket is not None
        if not self.wire.shake():
            return None
        session = TlsSession.of(self._socket)
        self.wire = None
        return session

    def completed(self) -> Deferred[None]:
        """When the handshake is complete; fails with ProtocolError when it, or the connection before it, fails."""
        if self._outcome is True:
            return succeed(None)
        if self._outcome is not None:
            return fail(self._outcome)
        waiting: Deferred[None] = Deferred()
        self._waiting = [*(self._waiting or ()), waiting]
        return waiting

    def succeeded(self) -> None:
        """Tell those who wait."""
        self._outcome = True
        for each in self._taken():
            each.callback(None)

    def failed(self, why: str) -> None:
        """The connection is lost, in the middle of a handshake or not: tell those who wait."""
        side: Literal["client", "target"] = "client"
        if self._socket is not None and not self._socket.server_side:
            side = "target"
        if self._outcome is None:
            self._outcome = ProtocolError(f"TLS handshake failed: {why}", side)
        self.wire = None
        for each in self._taken():
            each.errback(Failure(ProtocolError(f"TLS handshake failed: {why}", side)))

    def _taken(self) -> list[Deferred[None]]:
        waiting, self._waiting = self._waiting, None
        return waiting or []
