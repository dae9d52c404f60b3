"""The transport contract, on Twisted's own transports and on ours: the same tests, so that a difference is seen."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableDescriptor,
    IPushProducer,
    IReadWriteDescriptor,
    ISystemHandle,
    ITCPTransport,
)
from zope.interface.verify import verifyObject

from tests.support.loop import Loop, running_loop
from tests.support.transports import EAGER, STOCK, End, HalfEnd, Kind, pair, pause
from twisted_hoop.transport import stream as transport_stream
from twisted_hoop.transport.outbox import HIGH_WATER

both = pytest.mark.parametrize("kind", [STOCK, EAGER], ids=lambda kind: kind.name)
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


def chunks_of(data: bytes, seed: int) -> list[bytes]:
    """Cut anywhere."""
    dice, pieces, at = random.Random(seed), [], 0
    while at < len(data):
        size = dice.choice((1, 7, 1000, 16384, 65536, 300_000, 3 * MEGABYTE))
        pieces.append(data[at : at + size])
        at += size
    return pieces


@both
@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 8 * MEGABYTE])
def test_echo_gives_every_byte_back_in_order(loop: Loop, kind: Kind, size: int) -> None:
    data = random.Random(size).randbytes(size)

    async def scene() -> bytes:
        ends = await pair(loop.reactor, kind)
        ends.server.on_data = ends.server.transport.write
        for piece in chunks_of(data, size) or [b""]:
            ends.client.transport.write(piece)
        await ends.client.got(size)
        await ends.close()
        return bytes(ends.client.data)

    assert loop.run(scene) == data


@both
def test_interfaces_are_provided_in_full(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind)
        for interface in (ITCPTransport, IConsumer, IPushProducer, IReadWriteDescriptor, ISystemHandle):
            assert verifyObject(interface, ends.client.transport)
        assert verifyObject(IHalfCloseableDescriptor, ends.client.transport)
        await ends.close()

    loop.run(scene)


@both
def test_addresses_and_options(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind)
        client, server = ends.client.transport, ends.server.transport
        assert client.getPeer() == ends.port.getHost() == server.getHost()
        assert client.getHost() == server.getPeer()
        for transport in (client, server):
            transport.setTcpKeepAlive(True)
            transport.setTcpNoDelay(True)
            assert transport.getTcpKeepAlive() and transport.getTcpNoDelay()
            transport.setTcpKeepAlive(False)
            assert not transport.getTcpKeepAlive()
        await ends.close()

    loop.run(scene)


@both
def test_write_sequence_and_empty_writes(loop: Loop, kind: Kind) -> None:
    async def scene() -> bytes:
        ends = await pair(loop.reactor, kind)
        ends.client.transport.write(b"")
        ends.client.transport.writeSequence([b"a", b"", b"bc"])
        ends.client.transport.writeSequence([])
        await ends.server.got(3)
        await ends.close()
        return bytes(ends.server.data)

    assert loop.run(scene) == b"abc"


@both
def test_text_is_refused_and_harms_nothing(loop: Loop, kind: Kind) -> None:
    async def scene() -> bytes:
        ends = await pair(loop.reactor, kind)
        with pytest.raises(TypeError):
            ends.client.transport.write("text")
        ends.client.transport.write(b"bytes")
        await ends.server.got(5)
        await ends.close()
        return bytes(ends.server.data)

    assert loop.run(scene) == b"bytes"


@both
def test_lose_connection_flushes_what_was_written(loop: Loop, kind: Kind) -> None:
    data = random.Random(5).randbytes(8 * MEGABYTE)

    async def scene() -> None:
        ends = await pair(loop.reactor, kind)
        ends.client.transport.write(data)
        ends.client.transport.loseConnection()
        assert not ends.client.reasons  # not from within the call
        reason = await ends.server.ended()
        assert bytes(ends.server.data) == data
        assert reason.check(ConnectionDone)
        assert (await ends.client.ended()).check(ConnectionDone)
        await ends.close()
        assert ends.client.events == ends.server.events == ["made", "lost"]

    loop.run(scene)


@both
def test_abort_is_told_once_and_not_from_within_the_call(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind)
        ends.client.transport.write(b"x" * 8 * MEGABYTE)
        ends.client.transport.abortConnection()
        ends.client.transport.abortConnection()
        ends.client.transport.loseConnection()
        assert not ends.client.reasons
        assert (await ends.client.ended()).check(ConnectionAborted)
        assert (await ends.server.ended()).check(ConnectionLost)
        ends.client.transport.write(b"late")
        ends.client.transport.loseConnection()
        ends.client.transport.abortConnection()
        await pause(loop.reactor, 0.01)
        await ends.close()
        assert ends.client.events == ends.server.events == ["made", "lost"]

    loop.run(scene)


@both
def test_peer_reset_is_a_lost_connection(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind)
        sock = ends.client.transport.getHandle()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ends.client.transport.abortConnection()
        assert (await ends.server.ended()).check(ConnectionLost)
        await ends.close()

    loop.run(scene)


@both
def test_half_close_keeps_the_other_direction_open(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind, HalfEnd, HalfEnd)
        ends.client.transport.write(b"q" * MEGABYTE)
        ends.client.transport.loseWriteConnection()
        await ends.server.got(MEGABYTE)
        while "read-lost" not in ends.server.events:
            await pause(loop.reactor)
        ends.client.transport.write(b"ignored")
        ends.server.transport.write(b"answer")
        await ends.client.got(6)
        ends.server.transport.loseConnection()
        await ends.server.ended()
        while "read-lost" not in ends.client.events:
            await pause(loop.reactor)
        ends.client.transport.loseConnection()
        await ends.client.ended()
        assert ends.client.events == ["made", "write-lost", "read-lost", "lost"]
        assert ends.server.events == ["made", "read-lost", "lost"]
        assert bytes(ends.server.data) == b"q" * MEGABYTE
        await ends.close()

    loop.run(scene)


def test_both_halves_closed_is_the_end(loop: Loop) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER, HalfEnd, HalfEnd)
        ends.client.transport.loseWriteConnection()
        await pause(loop.reactor, 0.01)
        ends.server.transport.loseWriteConnection()
        assert (await ends.client.ended()).check(ConnectionDone)
        assert (await ends.server.ended()).check(ConnectionDone)
        await ends.close()

    loop.run(scene)


@both
def test_end_of_file_ends_a_protocol_that_knows_no_halves(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind, End, HalfEnd)
        ends.client.transport.loseWriteConnection()
        assert (await ends.server.ended()).check(ConnectionDone)
        await ends.close()

    loop.run(scene)


class Tap:
    """A push producer that writes what it is told and counts how it is paced."""

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.paused = False
        self.calls: list[str] = []
        self.sent = 0

    def run(self, total: int) -> None:
        while not self.paused and self.sent < total:
            self.transport.write(b"t" * 10_000)
            self.sent += 10_000

    def pauseProducing(self) -> None:
        self.paused = True
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.paused = False
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


@both
def test_S9_a_stopped_reader_pauses_the_producer_and_bounds_what_is_kept(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind)
        ends.server.transport.pauseProducing()
        tap = Tap(ends.client.transport)
        ends.client.transport.registerProducer(tap, True)
        tap.run(64 * MEGABYTE)
        assert tap.paused and tap.sent < 64 * MEGABYTE
        if kind is EAGER:
            assert ends.client.transport._outbox.size <= HIGH_WATER + 10_000
        await pause(loop.reactor, 0.01)
        assert tap.calls.count("resume") <= tap.calls.count("pause")
        ends.server.transport.resumeProducing()
        await ends.server.got(tap.sent)
        assert tap.calls[-1] == "resume"
        ends.client.transport.unregisterProducer()
        await ends.close()
        assert "stop" not in tap.calls

    loop.run(scene)


@both
def test_a_producer_is_stopped_when_the_connection_is_lost(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind)
        tap, late = Tap(ends.client.transport), Tap(ends.client.transport)
        ends.client.transport.registerProducer(tap, True)
        with pytest.raises(RuntimeError):
            ends.client.transport.registerProducer(late, True)
        ends.server.transport.abortConnection()
        await ends.client.ended()
        assert tap.calls == ["stop"]
        ends.client.transport.registerProducer(late, True)
        assert late.calls == ["stop"]
        await ends.close()

    loop.run(scene)


class Pull:
    """A pull producer of `rounds` pieces that closes when it has given all."""

    def __init__(self, transport: Any, rounds: int) -> None:
        self.transport = transport
        self.rounds = rounds

    def resumeProducing(self) -> None:
        if not self.rounds:
            self.transport.unregisterProducer()
            self.transport.loseConnection()
            return
        self.rounds -= 1
        self.transport.write(b"p" * 100_000)

    def stopProducing(self) -> None:
        self.rounds = 0


@both
def test_a_pull_producer_is_asked_until_it_unregisters(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind)
        ends.client.transport.registerProducer(Pull(ends.client.transport, 30), False)
        await ends.server.ended()
        assert len(ends.server.data) == 3_000_000
        await ends.close()

    loop.run(scene)


@both
def test_pause_holds_data_back_and_resume_gives_it(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind)
        ends.server.transport.pauseProducing()
        ends.client.transport.write(b"held")
        await pause(loop.reactor, 0.02)
        assert not ends.server.data
        ends.server.transport.resumeProducing()
        assert not ends.server.data  # not from within the call
        await ends.server.got(4)
        await ends.close()

    loop.run(scene)


@both
def test_pausing_inside_data_received_stops_further_reads(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind)
        ends.server.on_data = lambda _: ends.server.transport.pauseProducing()
        ends.client.transport.write(b"z" * MEGABYTE)
        await ends.server.got(1)
        seen = len(ends.server.data)
        await pause(loop.reactor, 0.02)
        assert len(ends.server.data) == seen < MEGABYTE
        ends.server.on_data = None
        ends.server.transport.resumeProducing()
        await ends.server.got(MEGABYTE)
        await ends.close()

    loop.run(scene)


@both
def test_data_received_is_never_entered_again_by_a_write(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind)
        ends.server.on_data = ends.server.transport.write
        ends.client.on_data = lambda data: ends.client.transport.write(data) if len(ends.client.data) < 50_000 else None
        ends.client.transport.write(b"p" * 500)
        await ends.client.got(50_000)
        assert ends.client.deepest == ends.server.deepest == 1
        await ends.close()

    loop.run(scene)


def test_write_sends_at_once_when_nothing_is_queued(loop: Loop) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)
        ends.server.transport.pauseProducing()
        ends.client.transport.write(b"now")
        assert ends.server.transport.getHandle().recv(10) == b"now"  # the reactor has not turned
        await ends.close()

    loop.run(scene)


def test_nothing_is_written_after_lose_connection(loop: Loop) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)
        ends.client.transport.write(b"before")
        ends.client.transport.loseConnection()
        ends.client.transport.write(b"after")
        await ends.server.ended()
        assert bytes(ends.server.data) == b"before"
        await ends.close()

    loop.run(scene)


@both
def test_nothing_is_delivered_after_lose_connection(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind)
        ends.server.transport.loseConnection()
        ends.client.transport.write(b"late")
        await ends.server.ended()
        assert not ends.server.data
        await ends.close()

    loop.run(scene)


@both
def test_R15_an_exception_in_data_received_ends_that_connection_only(loop: Loop, kind: Kind) -> None:
    def fail(_: bytes) -> None:
        raise ZeroDivisionError("on purpose")

    async def scene() -> None:
        bad, good = await pair(loop.reactor, kind), await pair(loop.reactor, kind)
        bad.server.on_data = fail
        bad.client.transport.write(b"x")
        reason = await bad.server.ended()
        assert kind is STOCK or reason.check(ConnectionLost)
        await bad.client.ended()
        good.client.transport.write(b"still there")
        await good.server.got(11)
        await bad.close()
        await good.close()
        assert bad.server.events == ["made", "lost"]

    loop.run(scene)


def test_the_last_words_of_a_peer_that_reset_are_delivered(loop: Loop) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)
        ends.server.transport.pauseProducing()
        ends.server.transport.resumeProducing()
        peer = ends.client.transport.getHandle()
        peer.send(b"FATAL: going down")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ends.client.transport.abortConnection()
        await ends.client.ended()
        ends.server.transport.write(b"into the void")
        ends.server.transport.write(b"again")
        assert not ends.server.reasons  # not from within the call
        assert (await ends.server.ended()).check(ConnectionLost)
        assert bytes(ends.server.data) == b"FATAL: going down"
        await ends.close()

    loop.run(scene)


def test_the_last_words_to_a_peer_that_sent_more_arrive(loop: Loop) -> None:
    """Closing over unread bytes would reset the connection and could destroy our error message on its way."""

    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)
        ends.server.transport.pauseProducing()
        ends.client.transport.pauseProducing()
        ends.client.transport.write(b"x" * 100_000)
        await pause(loop.reactor, 0.01)
        ends.server.transport.write(b"FATAL: no")
        ends.server.transport.loseConnection()
        await ends.server.ended()
        ends.client.transport.resumeProducing()
        assert (await ends.client.ended()).check(ConnectionDone)
        assert bytes(ends.client.data) == b"FATAL: no"
        await ends.close()

    loop.run(scene)


def test_S9_a_peer_that_never_reads_cannot_keep_a_closing_connection(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_stream, "CLOSE_TIMEOUT", 0.05)

    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)
        ends.server.transport.pauseProducing()
        ends.client.transport.write(b"x" * 16 * MEGABYTE)
        ends.client.transport.loseConnection()
        assert (await ends.client.ended()).check(ConnectionLost)
        await ends.close()

    loop.run(scene)


def test_a_slow_peer_is_not_cut_off_while_it_takes_something(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_stream, "CLOSE_TIMEOUT", 1.5)

    async def scene() -> None:
        ends = await pair(loop.reactor, EAGER)
        ends.server.transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        ends.server.on_data = lambda _: ends.server.transport.pauseProducing()
        ends.client.transport.write(b"x" * 8 * MEGABYTE)
        ends.client.transport.loseConnection()
        while not ends.server.reasons:
            ends.server.transport.resumeProducing()
            await pause(loop.reactor, 0.016)
        assert len(ends.server.data) == 8 * MEGABYTE
        await ends.close()

    loop.run(scene)


@pytest.mark.parametrize("kind", [EAGER], ids=lambda kind: kind.name)
def test_a_paused_push_producer_does_not_keep_a_flushed_connection_open(loop: Loop, kind: Kind) -> None:
    async def scene() -> None:
        ends = await pair(loop.reactor, kind)
        tap = Tap(ends.client.transport)
        ends.client.transport.registerProducer(tap, True)
        tap.run(64 * MEGABYTE)
        ends.client.transport.loseConnection()
        await ends.server.ended()
        assert len(ends.server.data) == tap.sent
        await ends.client.ended()
        await ends.close()
        assert tap.calls[-1] == "stop"

    loop.run(scene)
