"""Bytes over TLS: the contract again, truncation, and what OpenSSL holds back; compared with Twisted's own TLS."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.endpoints import clientFromString, serverFromString, wrapClientTLS
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.ssl import Certificate, optionsForClientTLS

from tests.support.loop import Loop, running_loop
from tests.support.transports import EAGER, Certificates, End, Ends, Pair, TlsEnd, make_certificates, pair, pause
from twisted_hoop.transport import client_context, server_context, server_endpoint
from twisted_hoop.transport.outbox import HIGH_WATER, SEND_SIZE
from twisted_hoop.transport.wire import READ_SIZE, PlainWire, TlsWire, close_socket

MEGABYTE = 1024 * 1024
makes = pytest.mark.parametrize("make", ["stock", "eager", "eager-tls1.2"])


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


async def tls_pair(reactor: Any, files: Certificates, make: str = "eager", end: Callable[[], End] = End) -> Pair:
    """A pair that has TLS: Twisted's own, or ours."""
    if make == "stock":
        return await _stock_pair(reactor, files, end)
    ends = await pair(reactor, EAGER, end, end)
    context = server_context(files.cert, files.key)
    if make == "eager-tls1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    ends.server.transport.start_tls(context, True)
    ends.client.transport.start_tls(client_context(ca=files.ca), False, "localhost")
    await ends.server.transport.handshake()
    await ends.client.transport.handshake()
    return ends


async def _stock_pair(reactor: Any, files: Certificates, end: Callable[[], End]) -> Pair:
    factory = Ends(end)
    where = f"ssl:0:privateKey={files.key}:certKey={files.cert}:interface=127.0.0.1"
    port = await serverFromString(reactor, where).listen(factory)
    accepted = factory.next()
    options = optionsForClientTLS("localhost", trustRoot=_root(files))
    plain = clientFromString(reactor, f"tcp:127.0.0.1:{port.getHost().port}")
    client: Any = await wrapClientTLS(options, plain).connect(Ends(end))
    return Pair(await accepted, client, port, factory)


def _root(files: Certificates) -> Any:
    return Certificate.loadPEM(Path(files.ca).read_bytes())


@makes
@pytest.mark.parametrize("size", [1, 16384, 16385, 65536, 8 * MEGABYTE])
def test_echo_over_tls(loop: Loop, files: Certificates, make: str, size: int) -> None:
    data = random.Random(size).randbytes(size)

    async def scene() -> bytes:
        ends = await tls_pair(loop.reactor, files, make)
        ends.server.on_data = ends.server.transport.write
        dice, at = random.Random(size), 0
        while at < size:
            step = dice.choice((1000, 16384, 65536, 65537, MEGABYTE))
            ends.client.transport.write(data[at : at + step])
            at += step
        await ends.client.got(size)
        await ends.close()
        return bytes(ends.client.data)

    assert loop.run(scene) == data


@makes
def test_lose_connection_flushes_over_tls(loop: Loop, files: Certificates, make: str) -> None:
    data = random.Random(9).randbytes(8 * MEGABYTE)

    async def scene() -> None:
        ends = await tls_pair(loop.reactor, files, make)
        ends.client.transport.write(data)
        ends.client.transport.loseConnection()
        assert (await ends.server.ended()).check(ConnectionDone)
        assert bytes(ends.server.data) == data
        assert (await ends.client.ended()).check(ConnectionDone)
        await ends.close()

    loop.run(scene)


def test_many_small_pieces_both_ways_under_pressure(loop: Loop, files: Certificates) -> None:
    """Refused writes are repeated with the same bytes, or OpenSSL ends the connection with `bad write retry`."""
    there, back = random.Random(1).randbytes(3 * MEGABYTE), random.Random(2).randbytes(3 * MEGABYTE)

    def small(transport: Any, data: bytes, seed: int) -> None:
        dice, at = random.Random(seed), 0
        while at < len(data):
            step = dice.randint(1, 9000)
            transport.write(data[at : at + step])
            at += step

    async def scene() -> None:
        ends = await tls_pair(loop.reactor, files)
        for end in (ends.server, ends.client):
            end.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        small(ends.client.transport, there, 3)
        small(ends.server.transport, back, 4)
        await ends.server.got(len(there))
        await ends.client.got(len(back))
        assert bytes(ends.server.data) == there and bytes(ends.client.data) == back
        await ends.close()

    loop.run(scene)


def test_a_lost_producer_is_paced_over_tls_too(loop: Loop, files: Certificates) -> None:
    calls: list[str] = []

    class Tap:
        def pauseProducing(self) -> None:
            calls.append("pause")

        def resumeProducing(self) -> None:
            calls.append("resume")

        def stopProducing(self) -> None:
            calls.append("stop")

    async def scene() -> None:
        ends = await tls_pair(loop.reactor, files)
        ends.server.transport.pauseProducing()
        ends.client.transport.registerProducer(Tap(), True)
        sent = 0
        while "pause" not in calls:
            ends.client.transport.write(b"t" * 30_000)
            sent += 30_000
        assert ends.client.transport._outbox.size <= HIGH_WATER + SEND_SIZE
        ends.server.transport.resumeProducing()
        await ends.server.got(sent)
        assert calls == ["pause", "resume"]
        await ends.close()

    loop.run(scene)


def test_bulk_records_are_given_together_and_pausing_holds_the_rest(loop: Loop, files: Certificates) -> None:
    sizes: list[int] = []

    async def scene() -> None:
        ends = await tls_pair(loop.reactor, files)
        ends.server.transport.pauseProducing()

        def one(data: bytes) -> None:
            sizes.append(len(data))
            ends.server.transport.pauseProducing()

        ends.server.on_data = one
        for _ in range(64):
            ends.client.transport.write(b"r" * 8192)  # PostgreSQL sends records of 8 KiB
        ends.client.transport.loseConnection()
        await pause(loop.reactor, 0.05)
        while not ends.server.reasons:
            ends.server.transport.resumeProducing()
            await pause(loop.reactor)
        assert sum(sizes) == 64 * 8192 and max(sizes) > 16384 and max(sizes) <= READ_SIZE
        assert ends.server.reasons[0].check(ConnectionDone)
        await ends.close()

    loop.run(scene)


# Against a peer that is no transport of ours.


def tls_client(loop: Loop, files: Certificates, talk: Callable[[ssl.SSLSocket], None], expect: int = 0) -> TlsEnd:
    """Let `talk` speak to a direct-TLS listener of ours; return what was seen there, after the end."""
    context = server_context(files.cert, files.key)

    def make() -> TlsEnd:
        end = TlsEnd()
        end.context = context
        return end

    factory = Ends(make)
    port = loop.run(lambda: server_endpoint(loop.reactor, "tcp:0:interface=127.0.0.1").listen(factory))
    raw = socket.create_connection(("127.0.0.1", port.getHost().port))
    with client_context(ca=files.ca).wrap_socket(raw, server_hostname="localhost") as tls:
        talk(tls)
        if expect:
            loop.run(lambda: factory.built[0].got(expect))
    loop.run(lambda: factory.built[0].ended())
    loop.run(port.stopListening)
    end = factory.built[0]
    assert isinstance(end, TlsEnd)
    return end


def test_an_end_with_close_notify_is_an_end(loop: Loop, files: Certificates) -> None:
    def talk(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"goodbye")
        with contextlib.suppress(OSError):
            tls.unwrap()

    end = tls_client(loop, files, talk)
    assert bytes(end.data) == b"goodbye"
    assert end.reasons[0].check(ConnectionDone)


@pytest.mark.parametrize("size", [5, 100_000])
def test_an_end_without_close_notify_is_a_lost_connection(loop: Loop, files: Certificates, size: int) -> None:
    """Truncation: whoever cuts the wire must not be able to make it look like an orderly end (RFC 8446, 6.1)."""
    end = tls_client(loop, files, lambda tls: tls.sendall(b"x" * size), expect=size)
    assert len(end.data) == size
    assert end.reasons[0].check(ConnectionLost)
    assert end.events == ["made", "shaken", "lost"]


def test_a_record_that_was_tampered_with_is_a_lost_connection(loop: Loop, files: Certificates) -> None:
    def talk(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"genuine")
        loop.run(lambda: pause(loop.reactor, 0.02))
        socket.socket.send(tls, b"\x17\x03\x03\x00\x20" + b"f" * 32)
        with contextlib.suppress(OSError):
            tls.settimeout(10)
            while tls.recv(100):
                pass

    end = tls_client(loop, files, talk)
    assert bytes(end.data) == b"genuine"
    assert end.reasons[0].check(ConnectionLost)


def test_a_reset_over_tls_is_a_lost_connection(loop: Loop, files: Certificates) -> None:
    def talk(tls: ssl.SSLSocket) -> None:
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    assert tls_client(loop, files, talk).reasons[0].check(ConnectionLost)


def test_closing_sends_close_notify_and_does_not_wait_for_one(loop: Loop, files: Certificates) -> None:
    factory = Ends(TlsEnd)
    port = loop.run(lambda: server_endpoint(loop.reactor, "tcp:0:interface=127.0.0.1").listen(factory))
    raw = socket.create_connection(("127.0.0.1", port.getHost().port))
    accepted = loop.run(lambda: _first(loop, factory))
    context = server_context(files.cert, files.key)
    loop.run(lambda: accepted.transport.start_tls(context, True))
    tls = client_context(ca=files.ca).wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False)
    loop.run(lambda: accepted.transport.loseConnection())
    loop.run(accepted.ended)  # although the peer has not answered the close_notify
    assert tls.recv(10) == b""  # not an SSLEOFError
    tls.close()
    loop.run(port.stopListening)


def test_half_close_under_tls_is_a_close_after_the_flush(loop: Loop, files: Certificates) -> None:
    async def scene() -> None:
        ends = await tls_pair(loop.reactor, files)
        ends.client.transport.write(b"x" * MEGABYTE)
        ends.client.transport.loseWriteConnection()
        assert (await ends.server.ended()).check(ConnectionDone)
        assert len(ends.server.data) == MEGABYTE
        await ends.close()

    loop.run(scene)


async def _first(loop: Loop, factory: Ends) -> End:
    while not factory.built:
        await pause(loop.reactor, 0.002)
    return factory.built[0]


# The wires by themselves.


def test_a_plain_wire_says_when_there_is_nothing_and_when_it_ends() -> None:
    left, right = socket.socketpair()
    left.setblocking(False)
    wire = PlainWire(left)
    assert wire.receive() is None and not wire.held()
    right.send(b"abc")
    assert wire.receive() == b"abc" and not wire.more
    taken = 0
    while count := wire.send(b"x" * 100_000):
        taken += count
    assert taken > 0
    right.close()
    wire.close(True)
    assert left.fileno() == -1


def test_an_orderly_close_reads_what_nobody_read() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    server.setblocking(False)
    client.send(b"unread")
    server.send(b"last words")
    threading.Event().wait(0.01)
    close_socket(server, True)
    assert client.recv(100) == b"last words" and client.recv(100) == b""  # no ECONNRESET
    client.close()
    listener.close()


def test_a_tls_wire_waits_for_its_handshake_without_blocking(files: Certificates) -> None:
    left, right = socket.socketpair()
    left.setblocking(False)
    wrapped = server_context(files.cert, files.key).wrap_socket(left, server_side=True, do_handshake_on_connect=False)
    wire = TlsWire(wrapped)
    assert not wire.shake() and not wire.held()
    right.send(b"no handshake")
    with pytest.raises(OSError, match="SSL"):
        wire.shake()
    right.close()
    wire.close(True)
