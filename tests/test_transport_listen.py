"""Ports: what goes wrong with one connection, or with accepting, and stopping."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from zope.interface.verify import verifyObject

from tests.support.loop import Loop, running_loop
from tests.support.transports import EAGER, End, Ends, pair, pause
from twisted_hoop.transport import server_endpoint
from twisted_hoop.transport.listen import address_of


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


def test_listening_stopping_and_listening_again(loop: Loop) -> None:
    factory = Ends()

    async def scene() -> None:
        endpoint = server_endpoint(loop.reactor, "tcp:0:interface=127.0.0.1")
        port: Any = await endpoint.listen(factory)
        assert verifyObject(IListeningPort, port)
        where = port.getHost()
        assert isinstance(where, IPv4Address) and where.port > 0
        await port.stopListening()
        await port.stopListening()
        assert (factory.starts, factory.stops) == (1, 1)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", where.port))
        again: Any = await endpoint.listen(factory)
        await again.stopListening()

    loop.run(scene)


def test_open_connections_survive_stop_listening(loop: Loop) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)
        await ends.port.stopListening()
        ends.client.transport.write(b"still here")
        await ends.server.got(10)
        await ends.close()

    loop.run(scene)


def test_a_port_in_use_fails_the_deferred(loop: Loop) -> None:
    async def scene() -> None:
        port: Any = await server_endpoint(loop.reactor, "tcp:0:interface=127.0.0.1").listen(Ends())
        with pytest.raises(CannotListenError):
            await server_endpoint(loop.reactor, f"tcp:{port.getHost().port}:interface=127.0.0.1").listen(Ends())
        await port.stopListening()

    loop.run(scene)


class Failing(End):
    def connectionMade(self) -> None:
        super().connectionMade()
        raise ZeroDivisionError("on purpose")


class Picky(Ends):
    """Refuses the first connection, fails on the second, makes a failing protocol for the third, then works."""

    def buildProtocol(self, addr: Any) -> Any:
        number = len(self.built)
        self.make = Failing if number == 2 else End
        end = super().buildProtocol(addr)
        if number == 0:
            return None
        if number == 1:
            raise ZeroDivisionError("on purpose")
        return end


def test_R15_a_connection_that_cannot_be_set_up_harms_no_other(loop: Loop) -> None:
    factory = Picky()
    port = loop.run(lambda: server_endpoint(loop.reactor, "tcp:0:interface=127.0.0.1").listen(factory))
    where = ("127.0.0.1", port.getHost().port)  # type: ignore[attr-defined]
    for _ in range(3):
        with socket.create_connection(where) as sock:
            sock.settimeout(10)
            try:
                assert sock.recv(1) == b""
            except ConnectionResetError:
                continue
    with socket.create_connection(where) as sock:
        sock.sendall(b"fine")

        async def scene() -> None:
            while len(factory.built) < 4:
                await pause(loop.reactor, 0.002)
            await factory.built[3].got(4)

        loop.run(scene)
    loop.run(factory.built[3].ended)
    assert factory.built[2].events == ["made", "lost"]
    loop.run(port.stopListening)


def test_unix_sockets(loop: Loop, tmp_path: Path) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER, where=str(tmp_path / "s"))
        assert ends.client.transport.getPeer() == UNIXAddress(str(tmp_path / "s"))
        assert ends.server.transport.getHost() == UNIXAddress(str(tmp_path / "s"))
        ends.client.transport.setTcpNoDelay(True)
        assert not ends.client.transport.getTcpNoDelay()
        ends.client.transport.write(b"x" * 1_000_000)
        await ends.server.got(1_000_000)
        await ends.close()

    loop.run(scene)
    assert list(tmp_path.iterdir()) == []


def test_addresses_as_twisted_has_them() -> None:
    assert address_of(socket.AF_INET, ("127.0.0.1", 1)) == IPv4Address("TCP", "127.0.0.1", 1)
    assert address_of(socket.AF_INET6, ("::1", 1, 0, 0)) == IPv6Address("TCP", "::1", 1)
    assert address_of(socket.AF_UNIX, "") == UNIXAddress(None)


def test_S7_running_out_of_descriptors_neither_spins_nor_stops_for_good() -> None:
    """S7: with every descriptor in use the port rests, costs nothing, and accepts again when there are some."""
    program = """
import json, resource, socket, time
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.defer import ensureDeferred
from twisted.logger import globalLogPublisher
from tests.support.transports import pause
from twisted_hoop.transport import listen as transport_listen
from twisted_hoop.transport import server_endpoint
transport_listen.ACCEPT_BACKOFF = 0.1
reactor = EPollReactor()
logged = []
globalLogPublisher.addObserver(logged.append)
async def main():
    port = await server_endpoint(reactor, "tcp:0:interface=127.0.0.1").listen(Factory.forProtocol(Protocol))
    clients = [socket.create_connection(("127.0.0.1", port.getHost().port)) for _ in range(20)]
    await pause(reactor, 0.05)
    in_use = max(sock.fileno() for sock in clients) + 21
    waiting = [socket.socket() for _ in range(10)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 12, in_use + 12))
    hogs = []
    try:
        while True:
            hogs.append(socket.socket())
    except OSError:
        pass
    for sock in waiting:
        sock.connect(("127.0.0.1", port.getHost().port))
    before = time.process_time()
    await pause(reactor, 0.45)
    spent = time.process_time() - before
    complaints = sum("cannot accept" in str(e.get("log_format")) for e in logged)
    for hog in hogs:
        hog.close()
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 12, in_use + 12))
    await pause(reactor, 0.3)
    accepted = sum(type(r).__name__ == "EagerTransport" for r in reactor.getReaders())
    print(json.dumps({"spent": spent, "complaints": complaints, "accepted": accepted}))
    reactor.stop()
reactor.callWhenRunning(lambda: ensureDeferred(main()))
reactor.run(installSignalHandlers=False)
"""
    root = Path(__file__).parents[1]
    ran = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0 and ran.stdout, ran.stderr
    seen = json.loads(ran.stdout)
    assert 1 <= seen["complaints"] <= 6
    assert seen["spent"] < 0.2
    assert seen["accepted"] > 20
