"""Form bodies that stream by."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, quote_plus, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.streams import DETECTORS, SIZES, cut, masks, through
from twisted_hoop.masking.formstreams import FormMasker

CARD = "4111 1111 1111 1111"


def masker(**more: Any) -> FormMasker:
    """One body; with nothing said, all detectors and two fields."""
    chosen = masks(**(more or {"detect": DETECTORS, "fields": ["card_number", ".*_token"]}))
    found = chosen.form_masker(frozenset({"m"}))
    assert isinstance(found, FormMasker)
    return found


@pytest.mark.parametrize(
    ("sent", "wanted"),
    [
        (b"a=1&b=4111+1111%201111%2d1111&c=x", b"a=1&b=*****&c=x"),
        (b"n=%34%31111111111111" + b"11&c", b"n=*****&c"),
        (b"card_number=x%26y&a_token=&b=1", b"card_number=*****&a_token=&b=1"),
        (b"card%5fnumber=x", b"card%5fnumber=*****"),
        (b"note=pay+4111111111111111+now%21", b"note=pay+*****+now!"),
        (b'{"a": "b=c", "n": "4111 1111 1111 1111"}', b'{"a": "b=c", "n": "*****"}'),
        (b"a=50%&b=1+1", b"a=50%&b=1+1"),
        (b"", b""),
    ],
)
def test_names_and_values_as_they_are_meant(sent: bytes, wanted: bytes) -> None:
    for size in (1, 4, 100):
        assert through(masker(), *cut(sent, [size])) == wanted


def test_long_values_go_through_in_pieces() -> None:
    long = quote_plus("é x" * 40_000 + f" {CARD} " + "z." * 40_000)
    text = f"a={long}&card_number={'s' * 200_000}&b=%3D1".encode()
    found, most, out = masker(), 0, b""
    for piece in cut(text, [4096]):
        out += found.feed(piece)
        most = max(most, found.held)
    out += found.flush()
    told = dict(parse_qsl(out.decode()))
    assert "1111" not in told["a"] and "*****" in told["a"] and len(told["a"]) == 200_000 + 7
    assert told["card_number"] == "*****" and told["b"] == "=1" and most < 200_000 and found.masked == 2


def test_long_values_where_only_names_matter() -> None:
    found = masker(fields=["card_number"])
    text = b"a=" + b"4111111111111111" * 10_000 + b"&card_number=7&b=" + b"%41" * 30_000
    assert through(found, *cut(text, [5000])) == text.replace(b"number=7", b"number=*****") and found.masked == 1


def test_what_is_long_and_no_form_stays_as_it_is() -> None:
    text = b'{"a": "' + b"x y+z% " * 20_000 + b'4111 1111 1111 1111"}'
    assert through(masker(), *cut(text, [5000])) == text.replace(CARD.encode(), b"*****")


texts = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.just(CARD), st.just("card_number"))


@settings(max_examples=60)
@given(st.lists(st.tuples(texts, texts), max_size=6), SIZES)
def test_any_form_stays_a_form_and_shows_nothing(pairs: list[tuple[str, str]], sizes: list[int]) -> None:
    """M3."""
    out = through(masker(), *cut(urlencode(pairs).encode(), sizes)).decode()
    told = parse_qsl(out, keep_blank_values=True)
    assert len(told) == len([pair for pair in pairs if pair]) and not any(
        CARD in part for pair in told for part in pair
    )


@given(st.binary(max_size=100), SIZES)
def test_anything_comes_out_as_it_was_or_masked(data: bytes, sizes: list[int]) -> None:
    found = masker()
    assert through(found, *cut(data, sizes)) == data or found.masked
