"""Port-forward with the ports in the query, as the Python client does it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_house import reading_of
from tests.support.kube_streams import FORWARD, Bench, channels, message, messages, opened
from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.frames import BINARY, CLOSE, PING, frame
from twisted_hoop.kubernetes.ports import PROTOCOL, ports_of

LINE = FORWARD.replace("POST", "GET") + "?ports=80,443"
V4 = PROTOCOL.decode()


def forwarding() -> Bench:
    """One of two ports."""
    tunnel = opened(LINE, V4, offered="v5.channel.k8s.io," + V4)
    assert tunnel is not None
    return Bench(tunnel)


def announced(channel: int, port: int) -> bytes:
    """What the target begins a channel with."""
    return message("client", channel, port.to_bytes(2, "little"))


def test_K5_each_port_of_the_query_is_judged_with_the_request() -> None:
    """K5: rules see both destinations, and the strictest verdict wins."""
    facts = reading_of(LINE, upgrade=b"websocket").facts
    assert [sorted(each["destination"]) for each in facts] == [["web:80"], ["web:443"]]
    assert "destination" not in reading_of(FORWARD).facts[0]


def test_bytes_of_two_ports_pass_and_are_counted() -> None:
    it = forwarding()
    it.target(announced(0, 80) + announced(1, 80) + announced(2, 443) + announced(3, 443))
    it.client(message("target", 0, b"GET /") + message("target", 2, b"hello") + frame("target", PING, b"p"))
    it.target(message("client", 0, b"200") + message("client", 3, b"refused"))
    assert channels("client", it.sent) == {0: b"GET /", 2: b"hello"} and messages("client", it.sent)[-1][0] == PING
    assert channels("target", it.told)[0] == b"\x50\x00200"
    it.do(it.tunnel.lost())
    told = [dict(entry.data) for entry in it.entries]
    assert [(each["destination"], each["to_target"], each["to_client"]) for each in told] == [
        ("web:80", 5, 3),
        ("web:443", 5, 0),
    ]
    assert told[1]["error"] == "refused" and it.tunnel.outcome()["bytes"] == 3 and it.tunnel.held_back() == 0


def test_a_port_that_was_not_asked_for_is_a_fault() -> None:
    it = forwarding()
    with pytest.raises(ProtocolError, match="another port"):
        it.target(announced(0, 22))


@pytest.mark.parametrize("channel", [1, 3, 4, 255])
def test_channels_of_nobody(channel: int) -> None:
    with pytest.raises(ProtocolError):
        forwarding().client(message("target", channel, b"x"))


def test_an_end_is_an_error_of_each_port() -> None:
    it = forwarding()
    it.target(announced(1, 80))
    it.do(it.tunnel.ended("hoop: over"))
    assert channels("target", it.told)[1] == b"\x50\x00hoop: over" and messages("target", it.told)[-1][0] == CLOSE
    assert it.tunnel.tick() == [] and frame("client", BINARY, b"\x03") not in it.told
    it = forwarding()
    it.target(announced(1, 80))
    assert not it.tunnel.over()
    it.do(it.tunnel.cut("hoop: the target is gone"))
    assert channels("target", it.told)[1].endswith(b"hoop: the target is gone")
    it.target(frame("client", CLOSE, b""))
    assert it.tunnel.over()


@pytest.mark.parametrize("odd", [["x"], ["0"], ["65536"], ["80,"], ["-1"], ["80;81"], ["²"], [",".join(["1"] * 99)]])
def test_ports_that_are_none(odd: list[str]) -> None:
    with pytest.raises(ProtocolError):
        ports_of(odd)


def test_ports_that_are_some() -> None:
    assert ports_of(["80", "81,82"]) == (80, 81, 82) and ports_of([]) == ()


@given(st.binary(max_size=60), st.booleans())
def test_anything_is_passed_on_or_a_fault(data: bytes, client: bool) -> None:
    it = forwarding()
    for raw in (frame("target" if client else "client", BINARY, data), data):
        try:
            (it.client if client else it.target)(raw)
        except ProtocolError as error:
            assert error.side == ("client" if client else "target")
