"""Twisted's reactor with a short way to our transports: nothing of what Twisted promises is lost on it."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import blockingCallFromThread

from twisted_hoop.transport import EagerTransport, server_endpoint
from twisted_hoop.transport.reactor import GatewayReactor

DEADLINE = 30.0
USED = ("_poller", "_selectables", "_cancellations", "_justStopped", "_started", "threadCallQueue", "running")


class Echo(Protocol):
    """Answers at once; `!` makes its connection fail where nobody expects it."""

    def dataReceived(self, data: bytes) -> None:
        assert isinstance(self.transport, EagerTransport)
        if data == b"!":
            self.transport._wire._recv = _fails  # type: ignore[assignment]
        self.transport.write(data)


def _fails(size: int) -> bytes:
    raise ValueError("nobody expects this")


@pytest.fixture
def reactor() -> Iterator[GatewayReactor]:
    made = GatewayReactor()
    started = threading.Event()
    made.callWhenRunning(started.set)
    thread = threading.Thread(target=made.run, kwargs={"installSignalHandlers": False}, daemon=True)
    thread.start()
    assert started.wait(DEADLINE)
    yield made
    made.callFromThread(made.stop)
    thread.join(DEADLINE)
    assert not thread.is_alive()


@pytest.fixture
def connected(reactor: GatewayReactor) -> Iterator[socket.socket]:
    endpoint = server_endpoint(reactor, "tcp:0:interface=127.0.0.1")
    port = blockingCallFromThread(reactor, lambda: endpoint.listen(Factory.forProtocol(Echo)))
    client = socket.create_connection(("127.0.0.1", port.getHost().port), DEADLINE)
    client.settimeout(DEADLINE)
    yield client
    client.close()
    blockingCallFromThread(reactor, port.stopListening)


def answered(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    found = b""
    while len(found) < len(data) and (more := client.recv(65536)):
        found += more
    return found


def test_twisted_still_has_what_is_used_of_it() -> None:
    """Not all of it is public: a Twisted that changes it must be noticed here."""
    reactor = EPollReactor()
    assert [name for name in USED if not hasattr(reactor, name)] == []
    call = reactor.callLater(100, int)
    assert 0 < (reactor.timeout() or 0) <= 100
    call.cancel()
    assert reactor._cancellations == 1
    reactor.callLater(0, int)
    assert reactor.timeout() == 0


def test_bytes_go_through_small_and_large(connected: socket.socket) -> None:
    for data in (b"x", b"y" * 5000, b"z" * 300_000):
        writer = threading.Thread(target=connected.sendall, args=(data,))
        writer.start()
        found = b""
        while len(found) < len(data):
            found += connected.recv(65536)
        writer.join()
        assert found == data


def test_timed_calls_and_calls_from_threads_are_made_while_bytes_flow(
    reactor: GatewayReactor, connected: socket.socket
) -> None:
    """One of each is asked for from inside and outside; a connection that never rests does not put them off."""
    fired: Deferred[None] = Deferred()
    seen = threading.Event()
    stop = threading.Event()

    def chatter() -> None:
        while not stop.is_set():
            answered(connected, b"again")

    talking = threading.Thread(target=chatter)
    talking.start()
    try:
        reactor.callFromThread(reactor.callLater, 0.05, fired.callback, None)
        reactor.callFromThread(seen.set)
        assert seen.wait(DEADLINE)
        blockingCallFromThread(reactor, lambda: fired)
    finally:
        stop.set()
        talking.join()


def test_a_call_that_is_put_off_or_taken_back_is(reactor: GatewayReactor, connected: socket.socket) -> None:
    made: list[str] = []

    def arrange() -> None:
        late, never = reactor.callLater(0.01, made.append, "late"), reactor.callLater(0.01, made.append, "never")
        late.delay(0.1)
        never.cancel()
        reactor.callLater(3600, int)

    blockingCallFromThread(reactor, arrange)
    until = time.monotonic() + DEADLINE
    while not made and time.monotonic() < until:
        answered(connected, b"tick")
    assert made == ["late"]


def test_r15_a_transport_that_fails_harms_no_other(reactor: GatewayReactor, connected: socket.socket) -> None:
    """R15: also when it fails where no protocol is to blame."""
    with socket.create_connection(connected.getpeername(), DEADLINE) as broken:
        broken.settimeout(DEADLINE)
        assert answered(broken, b"!") == b"!"
        broken.sendall(b"more")
        with contextlib.suppress(ConnectionError):
            assert broken.recv(10) == b""
    assert answered(connected, b"well") == b"well"


def test_what_is_not_ours_works_as_before(reactor: GatewayReactor) -> None:
    """Twisted's own transports, which know nothing of the short way."""
    factory = Factory.forProtocol(Plain)
    port: Any = blockingCallFromThread(reactor, reactor.listenTCP, 0, factory, 50, "127.0.0.1")
    with socket.create_connection(("127.0.0.1", port.getHost().port), DEADLINE) as client:
        client.settimeout(DEADLINE)
        assert answered(client, b"stock") == b"stock"
    blockingCallFromThread(reactor, port.stopListening)


class Plain(Protocol):
    """Answers through Twisted's own transport."""

    def dataReceived(self, data: bytes) -> None:
        assert not isinstance(self.transport, EagerTransport)
        self.transport.write(data)  # type: ignore[union-attr]


def test_iterate_waits_once() -> None:
    reactor = GatewayReactor()
    reactor.iterate(0)
    made: list[int] = []
    reactor.callLater(0, made.append, 1)
    reactor.iterate(0)
    reactor.iterate(0)
    assert made == [1]


def test_it_can_be_the_reactor_of_the_process() -> None:
    code = (
        "from twisted_hoop.transport.reactor import install; install();"
        "from twisted.internet import reactor; print(type(reactor).__name__);"
        "reactor.callLater(0, reactor.stop); reactor.run()"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ran.stdout.strip(), ran.returncode) == ("GatewayReactor", 0), ran.stderr
