"""One port for SSH and WebSockets: what the first bytes decide."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from twisted_hoop.agent.doorstep import Doorstep
from twisted_hoop.agent.websocket import request_of
from twisted_hoop.http.frames import BINARY, frame

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="


class Inner(Protocol):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.data = b""
        self.lost = 0

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Any = None) -> None:
        self.lost += 1


class House:
    """A doorstep over a transport in memory."""

    def __init__(self) -> None:
        self.inner: list[Inner] = []
        self.gone = 0
        self.clock = Clock()
        self.transport = StringTransport()
        self.step = Doorstep(self.clock, None, self._make, self._leave, 5.0)
        self.step.makeConnection(self.transport)  # type: ignore[no-untyped-call]

    def _make(self) -> Inner:
        self.inner.append(Inner())
        return self.inner[0]

    def _leave(self) -> None:
        self.gone += 1


@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_ssh_at_once(size: int) -> None:
    house, data = House(), b"SSH-2.0-agent\r\nmore"
    for start in range(0, len(data), size):
        house.step.dataReceived(data[start : start + size])
    assert house.inner[0].data == data and house.transport.value() == b""
    house.clock.advance(60)
    assert not house.transport.disconnected


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_websocket(size: int) -> None:
    house = House()
    data = request_of("gw", "/v1/agent", KEY) + frame("target", BINARY, b"SSH-2.0-agent\r\n")
    for start in range(0, len(data), size):
        house.step.dataReceived(data[start : start + size])
    assert house.inner[0].data == b"SSH-2.0-agent\r\n"
    assert b"101 Switching Protocols" in house.transport.value()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: gw\r\n\r\n", b"404"),
        (b"GET /v1/agent HTTP/1.1\r\nHost: gw\r\n\r\n", b"426"),
        (b"nonsense\r\n\r\n", b"400"),
        (b"x" * 9000, b"431"),
        (b"SSX-2.0\r\n\r\n", b"400"),
    ],
)
def test_what_is_neither_is_told_so(data: bytes, status: bytes) -> None:
    house = House()
    house.step.dataReceived(data)
    assert house.transport.value().startswith(b"HTTP/1.1 " + status) and house.transport.disconnecting
    assert house.inner == []


def test_S7_who_says_nothing_is_shown_out() -> None:
    """S7: silence takes a place at the door for so long only."""
    house = House()
    house.step.dataReceived(b"SS")
    house.clock.advance(5)
    assert house.transport.disconnected
    house.step.connectionLost()
    assert house.gone == 1 and not house.clock.getDelayedCalls()


def test_the_end_is_told_to_who_came_in() -> None:
    house = House()
    house.step.dataReceived(b"SSH-2.0-x\r\n")
    house.step.connectionLost()
    assert house.inner[0].lost == 1 and house.gone == 1


@given(st.lists(st.binary(max_size=100), max_size=20))
def test_any_bytes_are_taken_or_refused(pieces: list[bytes]) -> None:
    house = House()
    for piece in pieces:
        if not house.transport.disconnecting:
            house.step.dataReceived(piece)
