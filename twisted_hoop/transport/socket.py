"""The part of a transport that only asks or tells its socket and its reactor something.

No bytes pass here. It is a base class because Twisted wants all of this on the one object that is the transport.
"""

from __future__ import annotations

import socket
from typing import Any, cast

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import IAddress, IProtocol


class SocketEnd:
    """A connected socket, its two addresses, and what the reactor watches it for."""

    __slots__ = ("_host", "_peer", "_protocol", "_reactor", "_reading", "_sending", "_socket")

    def __init__(self, reactor: Any, sock: socket.socket, peer: IAddress, host: IAddress) -> None:
        sock.setblocking(False)
        self._reactor = reactor
        self._socket = sock
        # On a Unix socket these are UNIXAddress, as on Twisted's own transports.
        self._peer, self._host = cast(IPv4Address, peer), cast(IPv4Address, host)
        self._protocol: IProtocol = cast(IProtocol, None)
        self._reading = self._sending = False
        self.setTcpNoDelay(True)

    def fileno(self) -> int:
        """The descriptor; -1 when closed."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """The protocol's class."""
        return type(self._protocol).__name__

    def getHandle(self) -> socket.socket:
        """The socket (ISystemHandle)."""
        return self._socket

    def getPeer(self) -> IPv4Address | IPv6Address:
        """The peer's address; a UNIXAddress on a Unix socket."""
        return self._peer

    def getHost(self) -> IPv4Address | IPv6Address:
        """Our own address of this connection; a UNIXAddress on a Unix socket."""
        return self._host

    def getTcpNoDelay(self) -> bool:
        """Whether TCP_NODELAY is set, as it is unless somebody took it away."""
        return self._option(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Set TCP_NODELAY; nothing happens on a Unix socket."""
        self._set_option(socket.IPPROTO_TCP, socket.TCP_NODELAY, enabled)

    def getTcpKeepAlive(self) -> bool:
        """Whether SO_KEEPALIVE is set."""
        return self._option(socket.SOL_SOCKET, socket.SO_KEEPALIVE)

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Set SO_KEEPALIVE; nothing happens on a Unix socket."""
        self._set_option(socket.SOL_SOCKET, socket.SO_KEEPALIVE, enabled)

    def _option(self, level: int, name: int) -> bool:
        return self._socket.family != socket.AF_UNIX and self._socket.getsockopt(level, name) != 0

    def _set_option(self, level: int, name: int, enabled: bool) -> None:
        if self._socket.family != socket.AF_UNIX:
            self._socket.setsockopt(level, name, int(enabled))

    def _watch_reading(self, wanted: bool) -> None:
        if wanted != self._reading:
            self._reading = wanted
            (self._reactor.addReader if wanted else self._reactor.removeReader)(self)

    def _watch_writing(self, wanted: bool) -> None:
        if wanted != self._sending:
            self._sending = wanted
            (self._reactor.addWriter if wanted else self._reactor.removeWriter)(self)
