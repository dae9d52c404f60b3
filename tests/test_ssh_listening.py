"""Requests to listen in the shape of channels: answered once, whatever becomes of them."""

from __future__ import annotations

from tests.support.ssh_fakes import Bench, FakeRequest, listen
from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.ends import ChannelEnd
from twisted_hoop.ssh.events import Data
from twisted_hoop.ssh.listening import RequestOpening


def test_a_global_request_as_an_opening() -> None:
    request = FakeRequest(b"tcpip-forward", b"data")
    opening = RequestOpening(request)
    assert (opening.kind, opening.data) == (b"tcpip-forward", b"data")
    channel = opening.accept(ChannelEnd(lambda event: None, lambda: None), b"port")
    channel.send(Data(0, b"goes nowhere"))
    channel.credit(3)
    assert request.answer == (True, b"port")
    refused = FakeRequest(b"tcpip-forward")
    RequestOpening(refused).refuse(1, "why")
    assert refused.answer == (False, b"")


def test_a_target_that_cannot_be_had_or_answers_nonsense() -> None:
    bench = Bench()
    bench.door.fault = ProtocolError("no", "target")
    assert bench.asks(b"tcpip-forward", listen(b"localhost", 0)).answer == (False, b"")
    bench = Bench()
    bench.target.answer = (True, b"?")
    assert bench.asks(b"tcpip-forward", listen(b"localhost", 0)).answer == (False, b"")
    assert [e.kind for e in bench.entries] == ["command", "outcome"]


def test_two_listeners_may_have_one_name_and_two_ports() -> None:
    bench = Bench()
    for port in (4000, 4001):
        bench.target.answer = (True, port.to_bytes(4, "big"))
        assert bench.asks(b"tcpip-forward", listen(b"localhost", 0)).answer == (True, port.to_bytes(4, "big"))
    session = next(iter(bench.sessions)).handle
    assert [place.port for place in session.listening] == [4000, 4001]  # type: ignore[attr-defined]
