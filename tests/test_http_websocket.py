"""WebSockets of plain APIs: messages pass, are masked as wholes, and what may not go in ends the connection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.kube_streams import CARD, CARDS, HIDDEN, Bench, messages
from twisted_hoop.errors import ProtocolError
from twisted_hoop.http import websocket
from twisted_hoop.http.bodies import Bodies
from twisted_hoop.http.frames import BINARY, CLOSE, PING, TEXT, Frames, frame
from twisted_hoop.http.messages import RequestHead, ResponseHead
from twisted_hoop.http.websocket import chosen_protocol, websocket_tunnel
from twisted_hoop.model import Decision
from twisted_hoop.settings import MaskSection
from twisted_hoop.testing.fakes import ALLOWED

HEAD = RequestHead(b"GET", b"/ws", b"", b"gw", ((b"sec-websocket-protocol", b"chat, log"),), upgrade=b"websocket")
BODIES = Bodies(b"k" * 32)


def answer(*headers: tuple[bytes, bytes]) -> ResponseHead:
    """A 101."""
    return ResponseHead(101, b"", headers, upgrade=b"websocket")


def bench(masks: Iterable[MaskSection] = (), decision: Decision = ALLOWED) -> Bench:
    """A tunnel under those masks."""
    tunnel = websocket_tunnel(BODIES, HEAD, answer(), decision, tuple(masks), 3)
    assert tunnel is not None
    return Bench(tunnel)


def looking(action: str) -> MaskSection:
    """A mask on what goes in."""
    return MaskSection.model_validate({"name": "in", "detect": ["card"], "direction": "request", "action": action})


def test_messages_pass_in_their_fragments() -> None:
    it = bench()
    it.client(frame("target", TEXT, b"he", fin=False) + frame("target", PING, b"p") + frame("target", 0, b"llo"))
    it.target(frame("client", BINARY, b"\x00\x01"))
    assert [(p.opcode, p.data, p.last) for p in Frames("client").feed(it.sent)] == [
        (TEXT, b"he", False), (PING, b"p", True), (TEXT, b"llo", True),
    ]  # fmt: skip
    assert messages("target", it.told) == [(BINARY, b"\x00\x01")] and it.entries == []
    assert it.tunnel.outcome() == {
        "channel": 3, "to_target": 5, "to_client": 2, "messages": 2, "bytes": 2, "masked": 0,
    }  # fmt: skip
    assert it.tunnel.held_back() == 0 and it.tunnel.tick() == [] and it.tunnel.lost() == []


def test_a_target_that_goes_without_a_word_is_told_as_a_fault_of_the_server() -> None:
    it = bench()
    assert not it.tunnel.over()
    it.do(it.tunnel.cut("hoop: the target is gone"))
    assert messages("target", it.told) == [(CLOSE, (1011).to_bytes(2, "big") + b"hoop: the target is gone")]
    for side in ("client", "target"):
        it = bench()
        (it.client if side == "client" else it.target)(frame("target" if side == "client" else "client", CLOSE, b""))
        assert it.tunnel.over()


def test_M3_a_message_is_masked_as_a_whole() -> None:
    """M3: also in fragments, and JSON by the names of its members."""
    names = MaskSection(name="names", fields=["ssn"])
    it = bench([CARDS, names])
    it.target(frame("client", TEXT, b'{"n":"' + CARD[:9], fin=False) + frame("client", 0, CARD[9:] + b'","ssn":"123"}'))
    it.target(frame("client", BINARY, b"\x00\xff\x00"))
    (text, binary) = messages("target", it.told)
    assert HIDDEN in text[1] and CARD not in text[1] and b"123" not in text[1] and binary == (BINARY, b"\x00\xff\x00")
    assert it.tunnel.outcome()["masked"] == 2


@pytest.mark.parametrize("action", ["mask", "deny"])
def test_request_masks_look_at_messages_that_go_in(action: str) -> None:
    it = bench([looking(action)])
    if action == "mask":
        it.client(frame("target", TEXT, CARD))
        assert messages("client", it.sent) == [(TEXT, HIDDEN)]
        return
    with pytest.raises(ProtocolError) as caught:
        it.client(frame("target", TEXT, CARD))
    it.do(it.tunnel.ended(str(caught.value)))
    ((opcode, reason),) = messages("target", it.told)
    assert opcode == CLOSE and reason[:2] == (1008).to_bytes(2, "big") and b"mask in found" in reason
    assert [m[0] for m in messages("client", it.sent)] == [CLOSE]


def test_K10_a_message_that_is_looked_at_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """K10."""
    monkeypatch.setattr(websocket, "MAX_MESSAGE", 100)
    with pytest.raises(ProtocolError, match="too large"):
        bench([CARDS]).target(frame("client", TEXT, b"x" * 101))
    bench().target(frame("client", TEXT, b"x" * 101))


def test_content_is_recorded_where_the_rule_says_so() -> None:
    it = bench([CARDS], replace(ALLOWED, content=True))
    it.client(frame("target", TEXT, b"hi"))
    it.target(frame("client", TEXT, CARD))
    assert [(e.kind, e.data["text"], e.data["channel"]) for e in it.entries] == [
        ("input", "hi", 3),
        ("output", "*****", 3),
    ]


@pytest.mark.parametrize(
    "headers",
    [
        [(b"sec-websocket-protocol", b"other")],
        [(b"sec-websocket-protocol", b"chat"), (b"sec-websocket-protocol", b"log")],
        [(b"sec-websocket-extensions", b"permessage-deflate")],
    ],
)
def test_K3_what_was_not_offered_does_not_open(headers: list[tuple[bytes, bytes]]) -> None:
    """K3."""
    assert websocket_tunnel(BODIES, HEAD, answer(*headers), ALLOWED, (), 3) is None


def test_K3_what_was_offered_does() -> None:
    """K3."""
    assert chosen_protocol(HEAD, answer((b"sec-websocket-protocol", b"log"))) == b"log"
    assert chosen_protocol(HEAD, answer()) == b""


@given(st.binary(max_size=60), st.booleans(), st.booleans())
def test_anything_is_passed_on_or_a_fault(data: bytes, client: bool, masked: bool) -> None:
    it = bench([CARDS, looking("deny")] if masked else ())
    for raw in (frame("target" if client else "client", TEXT, data), data):
        try:
            (it.client if client else it.target)(raw)
        except ProtocolError:
            return
