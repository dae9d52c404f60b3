"""One stream as the agent has it: what each side is told of the other."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from twisted_hoop.agent.pump import HIGH_WATER, WINDOW, Pump
from twisted_hoop.ssh.events import STDERR, STDOUT, Close, Data, Eof


class Channel:
    """Keeps what is sent and credited."""

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.credited = 0
        self.queued = 0

    def send(self, event: Any) -> None:
        self.sent.append(event)

    def write(self, data: Any) -> None:
        self.send(Data(STDOUT, data))

    def credit(self, size: int) -> None:
        self.credited += size


class Opening:
    """Accepts once."""

    def __init__(self) -> None:
        self.channel = Channel()
        self.window = 0

    def accept(self, handler: Any, data: bytes = b"", window: int = 0) -> Channel:
        self.window = window
        return self.channel


class Transport(StringTransport):
    """With half closes."""

    half_closed = False
    aborted = False

    def loseWriteConnection(self) -> None:
        self.half_closed = True

    def abortConnection(self) -> None:
        self.aborted = True


def pumping() -> tuple[Pump, Channel, Transport, list[Pump]]:
    """A pump whose target answered."""
    over: list[Pump] = []
    opening, transport = Opening(), Transport()  # type: ignore[no-untyped-call]
    pump = Pump(opening, over.append)  # type: ignore[arg-type]
    assert pump.waits
    pump.makeConnection(transport)  # type: ignore[no-untyped-call]
    assert opening.window == WINDOW
    return pump, opening.channel, transport, over


def test_both_ways() -> None:
    pump, channel, transport, _ = pumping()
    pump.dataReceived(b"from the target")
    pump.received(Data(STDOUT, b"to the target"))
    assert channel.sent == [Data(STDOUT, b"from the target")]
    assert channel.credited == 13 and transport.value() == b"to the target"  # type: ignore[no-untyped-call]


def test_S9_window_is_given_back_when_the_target_took_it() -> None:
    """S9: and not before."""
    pump, channel, _, _ = pumping()
    pump.pauseProducing()
    pump.received(Data(STDOUT, b"x" * 100))
    pump.received(Data(STDERR, b"y" * 10))
    assert channel.credited == 0
    pump.resumeProducing()
    assert channel.credited == 110


def test_S9_the_target_is_not_read_while_much_waits() -> None:
    """S9: until the gateway took it."""
    pump, channel, transport, _ = pumping()
    channel.queued = HIGH_WATER + 1
    pump.dataReceived(b"x")
    assert transport.producerState == "paused"
    pump.drained()
    assert transport.producerState == "producing"


def test_an_end_of_the_target() -> None:
    pump, channel, transport, over = pumping()
    pump.readConnectionLost()
    pump.received(Eof())
    assert transport.half_closed and channel.sent == [Eof()]
    pump.connectionLost(Failure(ConnectionDone()))
    pump.connectionLost(Failure(ConnectionDone()))
    assert channel.sent == [Eof(), Close()] and over == []
    pump.received(Close())
    pump.lost()
    assert over == [pump]


def test_a_target_that_breaks_off_is_told_without_an_end() -> None:
    pump, channel, _, _ = pumping()
    pump.connectionLost(Failure(ConnectionLost()))
    assert channel.sent == [Close()]


def test_the_gateway_closes_behind_what_it_sent_or_breaks_off() -> None:
    pump, _, transport, _ = pumping()
    pump.received(Eof())
    pump.received(Close())
    assert transport.disconnecting and not transport.aborted
    pump, _, transport, _ = pumping()
    pump.received(Close())
    assert transport.aborted


def test_a_lost_connection_to_the_gateway_breaks_off() -> None:
    pump, channel, transport, over = pumping()
    pump.lost()
    assert transport.aborted
    pump.dataReceived(b"late")
    pump.connectionLost(Failure(ConnectionLost()))
    assert channel.sent == [] and over == [pump]
