"""Attacks on masks over bodies of plain HTTP APIs (rows M3 and M12), through a gateway on real sockets."""

from __future__ import annotations

import json

import pytest

from tests.support.http_house import RawTarget, Wire, get, http_house, ok, replies
from tests.support.loop import Loop
from twisted_hoop.settings import MaskSection

CARD = "4111 1111 1111 1111"
CARDS = MaskSection(name="cards", detect=["card"], fields=["card_number"])
DENIED = MaskSection(name="no-cards", detect=["card"], direction="request", action="deny")
DOCUMENT = json.dumps({"card_number": "x-17", "note": f"paid by {CARD}", "n": 4111111111111111, "a": [1, "b"]}).encode()
MASKED = {"card_number": "*****", "note": "paid by *****", "n": 0, "a": [1, "b"]}
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n"


@pytest.mark.parametrize("size", [1, 2, 5, 16])
def test_M3_a_value_split_over_chunks_and_segments(loop: Loop, size: int) -> None:
    """Chunks of any size, each in a segment of its own."""

    def serve(target: RawTarget, wire: Wire) -> None:
        while target.request(wire):
            wire.send(CHUNKED + b"content-type: application/json\r\n\r\n")
            for at in range(0, len(DOCUMENT), size):
                piece = DOCUMENT[at : at + size]
                wire.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            wire.send(b"0\r\n\r\n")

    with http_house(loop, serve, masks=(CARDS,)) as house:
        told = house.ask(get("/orders/a"))
        assert told.status == 200 and told.whole and json.loads(told.body) == MASKED
        assert house.recorded("outcome")[0]["masked"] == 3


def test_M3_lengths_are_those_of_what_is_told(loop: Loop) -> None:
    """A Content-Length of the target's would cut the body, or tell how long the value was."""
    with http_house(loop, replies(ok(DOCUMENT, b"content-type: application/json")), masks=(CARDS,)) as house:
        told = house.ask(get("/orders/a"))
        assert json.loads(told.body) == MASKED and told.headers.get("content-length", "") != str(len(DOCUMENT))
    head = ok(b"", b"content-type: application/json").replace(b"length: 0", b"length: 4711")
    with http_house(loop, replies(head), masks=(CARDS,)) as house:
        assert "content-length" not in house.ask(get("/orders/a", method="HEAD"), "HEAD").headers


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/csv", f"id,card_number\n7,x-17\n8,{CARD}\n"),
        ("application/x-ndjson", f'{{"card_number": "x-17"}}\n{{"a": "{CARD}"}}\n'),
        ("text/plain", f'{{"card_number": "x-17"}} {CARD}'),
        ("application/octet-stream", f'{{"card_number": "x-17", "b": "{CARD}"}}'),
        ("application/json", '{"card\\u005fnumber": "x-17", "b": "\\u0034111111111111111"}'),
    ],
)
def test_M3_every_form_of_a_body(loop: Loop, kind: str, body: str) -> None:
    with http_house(loop, replies(ok(body.encode(), b"content-type: " + kind.encode())), masks=(CARDS,)) as house:
        told = house.ask(get("/orders/a"))
        assert told.status == 200 and b"x-17" not in told.body and b"1111" not in told.body and b"*****" in told.body


def test_M3_values_cannot_be_asked_for_in_parts_or_compressed(loop: Loop) -> None:
    """Two digits at a time hold no card; a compressed body shows none."""
    with http_house(loop, replies(ok(DOCUMENT, b"content-type: application/json")), masks=(CARDS,)) as house:
        house.ask(get("/orders/a", "Range: bytes=20-21", "Accept-Encoding: gzip, br"))
        head = house.target.heads[0].lower()
        assert b"range" not in head and b"accept-encoding: identity\r\n" in head and b"gzip" not in head
    part = ok(b"41", b"content-type: application/json").replace(b"200 OK", b"206 Partial Content")
    for answer in (
        part,
        ok(b"\x1f\x8b", b"content-type: application/json", b"content-encoding: gzip"),
        ok(b"\xa1", b"content-type: application/cbor"),
        ok("4111111111111111".encode("utf-16"), b"content-type: text/plain"),
        ok(b"4", b"content-type: text/plain; charset=utf-16"),
    ):
        with http_house(loop, replies(answer), masks=(CARDS,)) as house:
            told = house.ask(get("/orders/a"))
            assert told.status == 502 and told.headers["content-type"] == "application/problem+json"
            assert house.recorded("outcome")[0]["error"]


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded", "image/png", "text/plain"])
def test_M3_a_value_that_may_not_go_in(loop: Loop, kind: str) -> None:
    """The client is refused, and the target never has the value, whatever the client calls its body."""
    sent = json.dumps({"a": "b", "n": CARD}).encode()
    with http_house(loop, replies(ok()), masks=(DENIED,)) as house:
        told = house.ask(get("/orders/a", f"Content-Type: {kind}", method="POST", body=sent))
        assert told.status == 403 and b"no-cards" in told.body and b"1111" not in told.body
        assert not any(b"4111" in body for body in house.target.bodies)
        told = house.ask(get("/orders/a", f"Content-Type: {kind}", method="POST", body=sent[:12] + b"}"))
        assert told.status == 200


def test_M3_an_encoded_body_is_not_looked_at_and_not_sent(loop: Loop) -> None:
    with http_house(loop, replies(ok()), masks=(DENIED,)) as house:
        told = house.ask(get("/orders/a", "Content-Encoding: gzip", method="POST", body=b"\x1f\x8b"))
        assert told.status == 415 and not any(house.target.bodies)


def test_M12_the_recording_has_no_clear_value(loop: Loop) -> None:
    """Neither of what was shown, nor of what was refused."""
    with http_house(loop, replies(ok(DOCUMENT, b"content-type: application/json")), masks=(CARDS, DENIED)) as house:
        house.ask(get("/orders/a"))
        house.ask(get("/orders/a", "Content-Type: text/plain", method="POST", body=CARD.encode()))
        house.ask(get(f"/orders/{CARD.replace(' ', '-')}?card=%34111+1111+1111+1111"))
        house.recorded("outcome", 3)
        told = repr([(entry.kind, dict(entry.data)) for entry in house.entries])
        assert "x-17" not in told and "1111" not in told and "may not go there" in told
