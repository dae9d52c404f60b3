"""An echo server to be measured: `python echo.py raw|stock|eager PORT [CERT KEY]`; with a CERT it speaks TLS only."""

from __future__ import annotations

import contextlib
import socket
import ssl
import sys
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import DefaultOpenSSLContextFactory

from twisted_hoop.transport import server_context, server_endpoint


class Echo(Protocol):
    """Sends back what comes."""

    context: ssl.SSLContext | None = None

    def dataReceived(self, data: bytes) -> None:
        """Twisted's."""
        self.transport.write(data)  # type: ignore[union-attr]

    def firstByte(self, byte: int) -> ssl.SSLContext | None:
        """TLS at once, when there is a certificate."""
        return self.context


def raw(port: int, context: ssl.SSLContext | None) -> None:
    """One blocking connection after another: the least a Python process can cost."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        while True:
            connection, _ = listener.accept()
            with contextlib.suppress(OSError):
                serve(connection, context)


def serve(connection: socket.socket, context: ssl.SSLContext | None) -> None:
    """Until the end of one connection."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context is not None:
        connection = context.wrap_socket(connection, server_side=True)
    with connection:
        while data := connection.recv(65536):
            connection.sendall(data)


def stock(reactor: Any, port: int, files: list[str]) -> None:
    """Twisted's own transports; pyOpenSSL over memory buffers for TLS."""
    factory = Factory.forProtocol(Echo)
    if not files:
        reactor.listenTCP(port, factory, interface="127.0.0.1")
        return
    reactor.listenSSL(port, factory, DefaultOpenSSLContextFactory(files[1], files[0]), interface="127.0.0.1")


def eager(reactor: Any, port: int, files: list[str]) -> None:
    """Ours."""
    Echo.context = server_context(files[0], files[1]) if files else None
    server_endpoint(reactor, f"tcp:{port}:interface=127.0.0.1").listen(Factory.forProtocol(Echo))


def main() -> None:
    """Serve until killed."""
    kind, port, files = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
    if kind == "raw":
        raw(port, server_context(files[0], files[1]) if files else None)
    reactor = EPollReactor()
    installReactor(reactor)  # Twisted's TLS uses the installed one
    {"stock": stock, "eager": eager}[kind](reactor, port, files)
    reactor.run()


if __name__ == "__main__":
    main()
