"""What a transport says of its socket, and what it lets the reactor watch; the rest is test_transport_stream's."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress

from twisted_hoop.transport.socket import SocketEnd


class Watcher:
    """Counts what it is asked to watch."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def addReader(self, _: Any) -> None:
        self.calls.append("+read")

    def removeReader(self, _: Any) -> None:
        self.calls.append("-read")

    def addWriter(self, _: Any) -> None:
        self.calls.append("+write")

    def removeWriter(self, _: Any) -> None:
        self.calls.append("-write")


def test_tcp_options_and_addresses() -> None:
    sock, peer, host = socket.socket(), IPv4Address("TCP", "127.0.0.1", 1), IPv4Address("TCP", "127.0.0.1", 2)
    end = SocketEnd(Watcher(), sock, peer, host)
    assert sock.gettimeout() == 0.0
    assert end.getTcpNoDelay() and not end.getTcpKeepAlive()
    end.setTcpNoDelay(False), end.setTcpKeepAlive(True)
    assert not end.getTcpNoDelay() and end.getTcpKeepAlive()
    assert (end.getPeer(), end.getHost(), end.getHandle(), end.fileno()) == (peer, host, sock, sock.fileno())
    sock.close()
    assert end.fileno() == -1


def test_unix_sockets_have_no_tcp_options() -> None:
    sock, other = socket.socketpair()
    end = SocketEnd(Watcher(), sock, UNIXAddress(None), UNIXAddress(None))
    end.setTcpNoDelay(True), end.setTcpKeepAlive(True)
    assert not end.getTcpNoDelay() and not end.getTcpKeepAlive()
    sock.close(), other.close()


def test_the_reactor_is_told_of_changes_only() -> None:
    watcher, (sock, other) = Watcher(), socket.socketpair()
    end = SocketEnd(watcher, sock, UNIXAddress(None), UNIXAddress(None))
    for wanted in (True, True, False, False):
        end._watch_reading(wanted)
        end._watch_writing(wanted)
    assert watcher.calls == ["+read", "+write", "-read", "-write"]
    sock.close(), other.close()
