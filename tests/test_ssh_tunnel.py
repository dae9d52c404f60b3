"""A channel as a transport: what Twisted's contract says, and what keeps one connection's faults its own (R15)."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IConsumer, ITCPTransport
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from tests.support.ssh_fakes import FakeChannel
from twisted_hoop.ssh.events import STDERR, STDOUT, Close, Data, Eof
from twisted_hoop.ssh.tunnel import HIGH_WATER, Tunnel

PEER, HOST = IPv4Address("TCP", "192.0.2.1", 50000), IPv4Address("TCP", "192.0.2.2", 22)


class Inner(Protocol):
    """Keeps what it gets; raises when told to."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.lost: list[Failure] = []
        self.fault: Exception | None = None
        self.inside = False

    def dataReceived(self, data: bytes) -> None:
        assert not self.inside, "dataReceived from within a call of ours"
        self.got.append(data)
        if self.fault is not None:
            raise self.fault

    def connectionLost(self, reason: Any = None) -> None:
        assert not self.inside, "connectionLost from within a call of ours"
        self.lost.append(reason)


def tunnel() -> tuple[Tunnel, FakeChannel, Inner, Clock]:
    """One that is attached."""
    clock, inner = Clock(), Inner()
    made = Tunnel(clock, PEER, HOST)
    channel = FakeChannel(made)
    made.attach(channel, inner)
    return made, channel, inner, clock


def test_it_is_a_transport() -> None:
    made: Any
    made, _, inner, _ = tunnel()
    verifyObject(ITCPTransport, made)
    verifyObject(IConsumer, made)
    assert inner.transport is made and made.getPeer() == PEER and made.getHost() == HOST
    made.setTcpNoDelay(True)
    made.setTcpKeepAlive(True)
    assert made.getTcpNoDelay() and not made.getTcpKeepAlive()


def test_bytes_both_ways_credited_as_they_are_taken() -> None:
    made, channel, inner, _ = tunnel()
    channel.receive(Data(STDOUT, memoryview(b"abc")), Data(STDERR, b"not this"))
    made.write(b"de")
    made.writeSequence([b"f", b"g"])
    made.loseWriteConnection()
    assert inner.got == [b"abc"] and channel.credited == 3
    assert channel.sent == [Data(STDOUT, b"de"), Data(STDOUT, b"fg"), Eof()]


def test_S9_while_the_protocol_pauses_nothing_is_credited() -> None:
    made, channel, inner, clock = tunnel()
    made.pauseProducing()
    channel.receive(Data(STDOUT, b"a"), Data(STDOUT, b"b"))
    assert inner.got == [] and channel.credited == 0
    inner.inside = True
    made.resumeProducing()
    inner.inside = False
    channel.receive(Data(STDOUT, b"c"))
    clock.advance(0)
    assert inner.got == [b"a", b"b", b"c"] and channel.credited == 3


def test_S9_a_full_channel_stops_its_producer() -> None:
    made, channel, _, _ = tunnel()
    calls: list[str] = []

    class Producer:
        def pauseProducing(self) -> None:
            calls.append("pause")

        def resumeProducing(self) -> None:
            calls.append("resume")

    made.registerProducer(Producer(), True)
    channel.queued = HIGH_WATER + 1
    made.write(b"x")
    made.write(b"y")
    channel.drain()
    made.unregisterProducer()
    assert calls == ["pause", "resume"]


@pytest.mark.parametrize("how", ["loseConnection", "abortConnection", "stopProducing"])
def test_ending_is_told_later_and_once(how: str) -> None:
    made, channel, inner, clock = tunnel()
    inner.inside = True
    getattr(made, how)()
    made.write(b"late")
    inner.inside = False
    assert made.disconnecting
    clock.advance(0)
    channel.receive(Data(STDOUT, b"late"), Close())
    made.lost()
    assert channel.sent == [Close()] and len(inner.lost) == 1 and inner.got == []


def test_the_end_of_the_channel_is_the_end_of_the_connection() -> None:
    made, channel, inner, _ = tunnel()
    channel.receive(Eof())
    assert len(inner.lost) == 1 and made.disconnecting
    made, channel, inner, _ = tunnel()
    made.lost()
    assert len(inner.lost) == 1 and made.disconnecting


def test_R15_a_fault_inside_ends_only_the_inside() -> None:
    made, channel, inner, clock = tunnel()
    inner.fault = ZeroDivisionError("inside")
    seen: list[Any] = []
    observer: Any = seen.append
    globalLogPublisher.addObserver(observer)
    try:
        channel.receive(Data(STDOUT, b"x"))
        clock.advance(0)
    finally:
        globalLogPublisher.removeObserver(observer)
    assert len(inner.lost) == 1 and channel.sent == [Close()]
    assert any("failed" in str(event.get("log_format")) for event in seen)
    assert not made._reading or made.disconnecting
