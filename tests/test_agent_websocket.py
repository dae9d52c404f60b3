"""WebSockets as transports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport

from twisted_hoop.agent.websocket import (
    WebSocketCarrier,
    accept_of,
    answer_to,
    new_key,
    parse_head,
    problem_with,
    refusal,
    request_of,
)
from twisted_hoop.http.frames import BINARY, PING, PONG, Frames, frame


class Told(Protocol):
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.data = b""

    def dataReceived(self, data: bytes) -> None:
        self.data += data


def pair() -> tuple[WebSocketCarrier, StringTransport, Told]:
    """A server's carrier over a transport in memory."""
    below, above = StringTransport(), Told()
    carrier = WebSocketCarrier(below, "target")
    carrier.attach(above)
    return carrier, below, above


def socket_of(below: StringTransport) -> IPushProducer:
    """What the socket tells that it is full, or takes more."""
    assert below.producer is not None
    producer: IPushProducer = below.producer
    return producer


def test_the_key_of_the_rfc() -> None:
    assert accept_of(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_request_of_ours_has_no_problem() -> None:
    key = new_key()
    head = request_of("gw:1", "/v1/agent", key).removesuffix(b"\r\n\r\n")
    words, headers = parse_head(head)
    assert problem_with(words, headers, b"/v1/agent") == (0, "")
    assert accept_of(key) in answer_to(headers)


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("GET", "POST", 404),
        ("/v1/agent", "/v1/other", 404),
        ("HTTP/1.1", "HTTP/1.0", 404),
        ("Upgrade: websocket", "Upgrade: h2c", 426),
        ("Connection: Upgrade", "Connection: close", 426),
        ("Version: 13", "Version: 8", 426),
        ("Sec-WebSocket-Key: ", "Sec-WebSocket-Key: x", 400),
        ("Host: gw", "Origin: https://evil.example\r\nHost: gw", 403),
    ],
)
def test_requests_that_begin_nothing(old: str, new: str, status: int) -> None:
    head = request_of("gw", "/v1/agent", b"dGhlIHNhbXBsZSBub25jZQ==").decode().replace(old, new, 1).encode()
    words, headers = parse_head(head.removesuffix(b"\r\n\r\n"))
    found, why = problem_with(words, headers, b"/v1/agent")
    assert found == status and why.encode() in refusal(found, why)


@given(st.binary(max_size=200))
def test_any_head_is_a_value_or_a_value_error(data: bytes) -> None:
    try:
        words, headers = parse_head(data)
    except ValueError:
        return
    problem_with(words, headers, b"/v1/agent")


def test_what_is_written_leaves_in_frames() -> None:
    carrier, below, _ = pair()
    carrier.writeSequence([b"ab", b"cd"])
    assert below.value() == frame("client", BINARY, b"abcd")
    carrier.loseConnection()
    assert below.disconnecting


def test_what_comes_in_frames_is_given() -> None:
    carrier, below, above = pair()
    data = frame("target", BINARY, b"hello ") + frame("target", PING, b"p") + frame("target", BINARY, b"world")
    for byte in data:
        carrier.received(bytes((byte,)))
    assert above.data == b"hello world"
    assert below.value() == frame("client", PONG, b"p")


@pytest.mark.parametrize("data", [b"\x81\x81abcdx", frame("client", BINARY, b"unmasked"), b"\xff" * 20])
def test_anything_else_ends_it(data: bytes) -> None:
    carrier, below, above = pair()
    carrier.received(data)
    assert above.data == b"" and below.disconnected


def test_a_client_masks() -> None:
    below = StringTransport()
    carrier = WebSocketCarrier(below, "client")
    carrier.attach(Told())
    carrier.write(b"x" * 70000)
    assert b"".join(piece.data for piece in Frames("client").feed(below.value())) == b"x" * 70000


def test_producers_are_those_of_the_transport_below() -> None:
    carrier, below, _ = pair()
    producer = Stopped()
    carrier.registerProducer(producer, True)
    socket_of(below).pauseProducing()
    socket_of(below).resumeProducing()
    socket_of(below).stopProducing()
    assert producer.told == ["stop", "go", "end"]
    carrier.unregisterProducer()
    assert below.producer is None
    carrier.pauseProducing()
    assert below.producerState == "paused"
    carrier.resumeProducing()
    assert below.producerState == "producing"
    assert carrier.getPeer() == below.getPeer() and carrier.getHost() == below.getHost()


class Stopped:
    """A producer that keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def pauseProducing(self) -> None:
        self.told.append("stop")

    def resumeProducing(self) -> None:
        self.told.append("go")

    def stopProducing(self) -> None:
        self.told.append("end")


def test_S9_who_pings_and_does_not_read_fills_no_memory() -> None:
    """S9: also before a log-in: pings are answered only while the socket takes the answers."""
    carrier, below, above = pair()
    producer = Stopped()
    carrier.registerProducer(producer, True)
    socket_of(below).pauseProducing()
    for _ in range(1000):
        carrier.received(frame("target", PING, b"x" * 125) * 10)
    assert below.value() == b"" and producer.told == ["stop"]
    carrier.received(frame("target", BINARY, b"still heard"))
    socket_of(below).resumeProducing()
    carrier.received(frame("target", PING, b"there?"))
    assert [(p.opcode, p.data) for p in Frames("target").feed(below.value())] == [(PONG, b"there?")]
    assert above.data == b"still heard" and producer.told == ["stop", "go"]


def test_nothing_is_heard_behind_what_breaks_the_connection_off() -> None:
    carrier, below, above = pair()
    carrier.received(frame("target", 1, b"text") + frame("target", BINARY, b"late"))
    assert below.disconnected and above.data == b""
