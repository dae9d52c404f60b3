"""Bodies of plain APIs under masks, both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.streams import SIZES, cut
from twisted_hoop.http.bodies import Bodies
from twisted_hoop.http.dialect import BodyFilter, BodyRefused
from twisted_hoop.http.messages import Framing, RequestHead, ResponseHead
from twisted_hoop.settings import MaskSection

CARD = b"4111 1111 1111 1111"
CARDS = MaskSection(name="cards", detect=["card"], fields=["card_number"])
DENIED = MaskSection(name="no-cards", detect=["card"], direction="request", action="deny")
REWRITTEN = MaskSection(name="hidden", detect=["card"], direction="request")
ASKED = MaskSection(name="asked", detect=["email"], direction="request", action="review", approvers=["dba"])


def answer(told: str, *masks: MaskSection, status: int = 200, **headers: str) -> BodyFilter | None:
    """The filter of an answer of that type."""
    more = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
    head = ResponseHead(status, b"OK", ((b"content-type", told.encode()), *more), Framing.CHUNKED)
    return Bodies(b"k" * 32).response_filter(masks or (CARDS,), head)


def request(told: str, *masks: MaskSection, encoding: str = "identity") -> BodyFilter | None:
    """The filter of a request of that type."""
    headers = ((b"content-type", told.encode()), (b"content-encoding", encoding.encode()))
    return Bodies(b"k" * 32).request_filter(masks, RequestHead(b"POST", b"/", b"", b"h", headers, Framing.CHUNKED))


def run(looked: BodyFilter | None, *pieces: bytes) -> bytes:
    """What leaves."""
    assert looked is not None
    return b"".join(looked.feed(piece) + looked.idle() for piece in pieces) + looked.flush()


@pytest.mark.parametrize(
    ("told", "body", "wanted"),
    [
        ("application/json", b'{"card_number": 7, "n": 4111111111111111}', b'{"card_number": 0, "n": 0}'),
        ("application/x-ndjson", b'{"card_number": "x"}\n{"a": 1}\n', b'{"card_number": "*****"}\n{"a": 1}\n'),
        ("text/csv", b"id,card_number\n7,x\n8,%b\n" % CARD, b"id,card_number\n7,*****\n8,*****\n"),
        ("text/plain", b"paid by %b." % CARD, b"paid by *****."),
        ("text/event-stream", b'data: {"card_number": "x"}\n\n', b'data: {"card_number": "*****"}\n\n'),
        ("application/xml", b"<card>%b</card>" % CARD, b"<card>*****</card>"),
        ("application/x-www-form-urlencoded", b"card_number=x&n=4111+1111+1111+1111", b"card_number=*****&n=*****"),
        ("application/octet-stream", b'{"card_number": 7}', b'{"card_number": 0}'),
        ("application/octet-stream", b"%b\n" % CARD, b"*****\n"),
        ("application/octet-stream", b"\x00\x01%b" % CARD, b"\x00\x01%b" % CARD),
        ("multipart/mixed; boundary=x", b"--x\r\n\r\n%b\r\n\x00" % CARD, b"--x\r\n\r\n*****\r\n\x00"),
    ],
)
def test_answers_are_read_by_their_type(told: str, body: bytes, wanted: bytes) -> None:
    for size in (1, 7, 100):
        looked = answer(told)
        assert run(looked, *cut(body, [size])) == wanted
        assert looked is not None and (looked.masked > 0) == (wanted != body)


def test_nothing_is_read_where_nothing_is_to_be_hidden() -> None:
    columns = MaskSection(name="columns", columns=["a.b"])
    assert answer("application/cbor", columns, content_encoding="gzip") is None
    assert answer("application/cbor", DENIED) is None and answer("image/png") is None
    bodies = Bodies(b"k" * 32)
    assert bodies.response_filter((), ResponseHead(200, b"", (), Framing.CLOSE)) is None
    assert request("application/cbor", CARDS) is None and request("text/plain") is None
    assert bodies.request_filter((DENIED,), RequestHead(b"GET", b"/", b"", b"h", ())) is None


@pytest.mark.parametrize(
    ("told", "more"),
    [
        ("application/json", {"content_encoding": "gzip"}),
        ("image/png", {"content_encoding": "br"}),
        ("application/json", {"status": 206}),
        ("application/octet-stream", {"status": 206}),
        ("application/cbor", {}),
        ("text/plain; charset=utf-16le", {}),
    ],
)
def test_answers_that_cannot_be_read_do_not_pass(told: str, more: dict[str, Any]) -> None:
    with pytest.raises(BodyRefused) as caught:
        answer(told, **more)
    assert caught.value.answer.status == 502 and json.loads(caught.value.answer.body)["status"] == 502
    assert b"1111" not in caught.value.answer.body


def test_an_answer_to_head_tells_no_length() -> None:
    looked = Bodies(b"k" * 32).response_filter((CARDS,), ResponseHead(200, b"OK", ((b"content-type", b"a/cbor"),)))
    assert run(looked) == b"" and looked is not None and not looked.masked


def test_parts_of_pictures_pass() -> None:
    assert answer("image/png", status=206) is None


def test_text_with_octets_that_are_none_does_not_pass() -> None:
    looked = answer("application/json")
    assert looked is not None
    with pytest.raises(BodyRefused) as caught:
        looked.feed('{"card_number": "x"}'.encode("utf-16-le"))
    assert caught.value.answer.status == 502


@pytest.mark.parametrize(
    "told", ["application/json", "text/plain", "application/x-www-form-urlencoded", "image/png", ""]
)
def test_requests_are_refused_before_the_value_is_sent(told: str) -> None:
    sent = b'{"a": "b", "n": "4111 1111 1111 1111", "m": 1}'
    looked = request(told, REWRITTEN, DENIED)
    assert looked is not None
    out = b""
    with pytest.raises(BodyRefused) as caught:
        for piece in cut(sent, [5]):
            out += looked.feed(piece)
        out += looked.flush()
    assert caught.value.answer.status == 403 and "no-cards" in str(caught.value) and b"411" not in out


def test_requests_are_rewritten() -> None:
    looked = request("application/json", REWRITTEN, DENIED.model_copy(update={"detect": ["iban"]}))
    assert run(looked, b'{"n": 4111111111111111, "s": "%b"}' % CARD) == b'{"n": 0, "s": "*****"}'
    assert looked is not None and looked.masked == 2
    assert run(request("text/csv", REWRITTEN), b"a,%b\n" % CARD) == b"a,*****\n"


def test_a_mask_that_asks_people_refuses_a_body() -> None:
    looked = request("text/plain", ASKED)
    assert looked is not None
    with pytest.raises(BodyRefused) as caught:
        run(looked, b"to alice@example.com\n")
    assert caught.value.answer.status == 403
    assert run(request("text/plain", ASKED), b"to nobody\n") == b"to nobody\n"


@pytest.mark.parametrize(
    ("told", "encoding"), [("application/json", "gzip"), ("application/cbor", "identity"), ("text/a;charset=x", "")]
)
def test_requests_that_cannot_be_read_are_refused(told: str, encoding: str) -> None:
    looked = request(told, DENIED, encoding=encoding)
    assert looked is not None
    with pytest.raises(BodyRefused) as caught:
        looked.feed(b"x")
    assert caught.value.answer.status == 415


def test_requests_as_they_may_be_told() -> None:
    bodies = Bodies(b"k" * 32, (CARDS, DENIED))
    first, second = bodies.told("GET /a?n=4111%201111%201111%201111&b=1"), bodies.told("GET /a?n=4111111111111111&b=1")
    assert first.startswith("GET /a?n=*****&b=1 #") and second.startswith("GET /a?n=*****&b=1 #") and first != second
    assert bodies.told("GET /a?n=%201&b=1") == "GET /a?n=%201&b=1" == Bodies(b"k").told("GET /a?n=%201&b=1")


def test_what_was_compiled_is_kept_for_the_same_masks() -> None:
    bodies = Bodies(b"k" * 32)
    masks = (CARDS,)
    assert bodies._made(masks) is bodies._made(list(masks)) and bodies._made((DENIED,)) is not bodies._made(masks)


TYPES = ["application/json", "text/csv", "text/plain", "", "application/x-www-form-urlencoded", "multipart/x"]


@settings(max_examples=80)
@given(st.binary(max_size=120), SIZES, st.sampled_from(TYPES), st.booleans())
def test_any_body_comes_out_or_is_refused(body: bytes, sizes: list[int], told: str, back: bool) -> None:
    looked = answer(told) if back else request(told, REWRITTEN)
    assert looked is not None
    try:
        assert run(looked, *cut(body, sizes)) == body or looked.masked
    except BodyRefused as refused:
        assert b"\x00" in body and refused.answer.status in (502, 415)
