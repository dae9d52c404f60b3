"""JSON that streams by: what comes out is JSON, and holds no value that was to be hidden."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.streams import DETECTORS, KEY_LINES, SIZES, cut, masks, through
from twisted_hoop.masking.detectors import NAMES, Detector
from twisted_hoop.masking.jsonstreams import JsonMasker, JsonSpans, each, escaped, unescaped, within
from twisted_hoop.masking.requests import RequestMask
from twisted_hoop.masking.spans import SpanMasker

CARD = "4111 1111 1111 1111"
CARDS = (CARD, CARD.replace(" ", ""), CARD.replace(" ", "-"), CARD.replace(" ", "\u2009"))
EVERYTHING = masks(detect=DETECTORS, fields=["card_number", ".*_token"])
OWN = masks(patterns=["^[0-9]{6}$", "secret=.*"])


def masker(chosen: Any = EVERYTHING) -> JsonMasker:
    """One body."""
    found = chosen.json_masker(frozenset({"m"}))
    assert isinstance(found, JsonMasker)
    return found


def shown(text: bytes, chosen: Any = EVERYTHING, size: int = 5) -> bytes:
    """What comes out, in pieces and as a whole."""
    out = through(masker(chosen), *cut(text, [size]))
    assert out == through(masker(chosen), text)
    return out


def test_strings_and_numbers_by_themselves() -> None:
    found = shown(b'{"a": 4111111111111111, "b": [4.111111111111111e15, "pay 4111 1111 1111 1111 now", true], "n": 7}')
    assert found == b'{"a": 0, "b": [0, "pay ***** now", true], "n": 7}'


@pytest.mark.parametrize(
    "written",
    [
        r'"\u0034111111111111111"',
        r'"4111\u20091111\u20091111\u20091111"',
        r'"x\nAKIAIOSFODNN7EXAMPLE"',
        r'"a\\\u0034111111111111111"',
        r'"hooks.slack.com\/services\/T00000000\/B00000000\/XXXXXXXXXXXXXXXXXXXXXXXX"',
        r'"alice\u0040example.com"',
        '"\\u0034111111111111111 \xff"',
    ],
)
def test_values_written_with_escapes(written: str) -> None:
    out = shown(b'{"k": ' + written.encode("latin-1") + b"}")
    assert b"*****" in out and not any(part in out for part in (b"1111111", b"AKIA", b"XXXX", b"example"))


def test_members_by_name_are_hidden_whole() -> None:
    out = json.loads(shown(b'{"card_number": {"a": [1, "x"]}, "my\\u005ftoken": "t", "b": "card_number"}'))
    assert out == {"card_number": {"a": [0, "*****"]}, "my_token": "*****", "b": "card_number"}


def test_a_name_and_its_value_are_seen_together() -> None:
    key = "abcdABCD0123abcdABCD0123abcdABCD01234567"
    assert json.loads(shown(json.dumps({"secret_key": key, "n": 1}).encode())) == {"secret_key": "*****", "n": 1}


def test_a_users_patterns_are_for_values() -> None:
    text = b'{"a": "123456", "b": 123456, "c": "secret=x y", "d": "1234567", "e": "q\\n123456"}'
    out = json.loads(shown(text, OWN))
    assert (out["a"], out["b"], out["c"], out["d"]) == ("*****", 0, "*****", "1234567")


def test_private_keys() -> None:
    text = json.dumps({"key": KEY_LINES.decode(), "after": "x"}).encode()
    out = json.loads(shown(text))
    assert "b3Blb" not in out["key"] and out["after"] == "x"


def test_lines_and_sequences_of_json() -> None:
    rows = b'{"card_number": "x"}\n{"n": 4111111111111111}\n4111111111111111\n\x1e{"a": 1}\n'
    assert shown(rows) == b'{"card_number": "*****"}\n{"n": 0}\n0\n\x1e{"a": 1}\n'


def test_a_line_that_is_whole_is_not_held() -> None:
    found = masker()
    assert found.feed(b'{"kind": "x"}\n') == b'{"kind": "x"}\n' and not found.held
    assert found.feed(b'{"kind": "y') == b"{" and found.held


@pytest.mark.parametrize(
    "text",
    [
        b"4111 1111 1111 1111",
        b")]}',\n{card: 4111 1111 1111 1111}",
        b'it is 5" wide: 4111 1111 1111 1111',
        b'{"a": "4111 1111 1111 1111',
        b"[4111 1111 1111 1111]",
        b"[NaN, 4111 1111 1111 1111]",
    ],
)
def test_what_is_no_json_is_text(text: bytes) -> None:
    for size in (1, 3, 100):
        out = through(masker(), *cut(text, [size]))
        assert b"1111" not in out and b"*****" in out


def test_a_long_string_goes_through_in_pieces() -> None:
    half = "ab\\n\\u00e9" * 20_000
    text = f'{{"x": "{half} \\u0034111 1111\\u0020{"1111 1111"} {half}", "n": 4111111111111111}}'.encode()
    found = masker()
    most, out = 0, b""
    for piece in cut(text, [4096]):
        out += found.feed(piece)
        most = max(most, found.held)
    read = json.loads(out + found.flush())
    plain = "ab\né" * 20_000
    assert read == {"x": f"{plain} ***** {plain}", "n": 0} and most < 200_000 and found.masked == 2


def test_long_things_that_are_no_json_have_an_end() -> None:
    for text in (b'"' + b"\\u" * 100_000, b"1" * 200_000, b'["' + b"x" * 65_530 + b'"' + b" " * 90_000, b"{" * 300_000):
        found = masker()
        assert through(found, *cut(text, [9_000])) and found.held < 200_000


def test_fifty_megabytes() -> None:
    """Held: nothing to speak of. The time is generous: machines are busy."""
    row = json.dumps({"id": 7, "note": "lorem ipsum dolor " * 8, "to": "nobody"}).encode() + b",\n"
    block = row * (65536 // len(row))
    found, size, most = masker(), found_size(block), 0
    start = time.process_time()
    out = len(found.feed(b"["))
    for _ in range(size):
        out += len(found.feed(block))
        most = max(most, found.held)
    out += len(found.feed(b"0]")) + len(found.flush())
    assert out == 3 + size * len(block) and most < 200_000 and not found.masked
    assert time.process_time() - start < 20


def found_size(block: bytes) -> int:
    """How many blocks are fifty megabytes."""
    return 50_000_000 // len(block) + 1


texts = st.one_of(st.text(max_size=20), st.sampled_from(CARDS), st.sampled_from(["card_number", "a_token", "x"]))
documents = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=12,
)


@given(documents, st.booleans())
def test_tokens_near_a_find_are_as_all_tokens(document: Any, plain: bool) -> None:
    """M3: the short way, which reads only what a find touches, hides what reading every token hides."""
    text = json.dumps(document, ensure_ascii=plain).encode("utf-8", "replace")
    spans = SpanMasker(Detector(NAMES), dict.fromkeys(NAMES, "redact"), b"k" * 32)
    short, long = list[str](), list[str]()
    assert within(text, spans, short) == each(text, spans, long, set())
    assert short == long


@given(documents, SIZES, st.booleans(), st.sampled_from([None, 2]))
def test_any_document_stays_json_and_shows_nothing(document: Any, sizes: list[int], plain: bool, indent: Any) -> None:
    """M3: however it is cut, escaped and laid out."""
    text = json.dumps(document, ensure_ascii=plain, indent=indent).encode("utf-8", "replace")
    out = json.loads(through(masker(), *cut(text, sizes)))
    told = json.dumps(out, ensure_ascii=False)
    # With more digits around it, it is no card.
    assert not any(re.search(rf"(?<![\w .-]){card}(?![\w .-])", told) for card in CARDS)
    assert isinstance(out, type(document)) or not isinstance(document, (dict, list))


@given(st.binary(max_size=200), SIZES)
def test_anything_comes_out_as_it_was_or_masked(data: bytes, sizes: list[int]) -> None:
    found = masker()
    out = through(found, *cut(data, sizes))
    assert out == data or found.masked


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.booleans())
def test_escapes_come_back(text: str, plain: bool) -> None:
    written = json.dumps(text, ensure_ascii=plain)[1:-1].encode()
    assert unescaped(written) == text.encode()
    assert json.loads(b'"%b"' % escaped(text.encode()), strict=False) == text


@given(st.binary(max_size=60))
def test_reading_escapes_never_fails(data: bytes) -> None:
    escaped(unescaped(data))


def test_one_detector_alone() -> None:
    looks = masks(detect=["card"], direction="request").request_masks(frozenset({"m"}))
    assert [type(look) for look in looks] == [RequestMask]
    spans = JsonSpans(looks[0].masker)
    assert through(spans, b"[4111111111111111, 5]") == b"[0, 5]" and spans.masked == 1
