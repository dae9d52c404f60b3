"""Replacing finds inside texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.masking.detectors import Detector
from twisted_hoop.masking.spans import SpanMasker
from twisted_hoop.masking.strategies import hashed_text

KEY = b"k" * 32
STRATEGIES = {"card": "partial", "email": "hash", "ssn": "null", "pattern-1": "redact", "pattern-2": "partial"}
MASKER = SpanMasker(Detector(["card", "email", "ssn"], ["abcd", "cdefgh12"]), STRATEGIES, KEY)


def masked(data: bytes) -> tuple[bytes, list[str]]:
    found: list[str] = []
    return MASKER.mask(data, found), found


def test_each_find_by_its_own_strategy() -> None:
    text = b"card 4111111111111111, mail a@b.example, ssn 734-10-1000."
    expected = b"card ************1111, mail " + hashed_text(KEY, b"a@b.example") + b", ssn *****."
    assert masked(text) == (expected, ["card", "email", "ssn"])


def test_the_same_object_when_nothing_is_found() -> None:
    text = b"nothing here"
    assert MASKER.mask(text, []) is text
    assert MASKER.star(text, []) is text


def test_overlapping_finds_get_the_strictest_strategy() -> None:
    assert masked(b"-abcdefgh12-") == (b"-*****-", ["pattern-2"])


@given(
    st.lists(st.sampled_from([b"4111111111111111", b"a@b.example", b"x", b" ", b"\xff\xfe"]), max_size=8).map(b"".join)
)
def test_stars_keep_the_length(data: bytes) -> None:
    found: list[str] = []
    result = MASKER.star(data, found)
    assert len(result) == len(data)
    assert (result is data) == (not found)


@given(st.lists(st.sampled_from([b"4111111111111111", b"a@b.example", b"734-10-1000", b" ", b"!"]), max_size=8))
def test_nothing_found_is_left(parts: list[bytes]) -> None:
    result, _ = masked(b" ".join(parts))
    assert not MASKER.detector.spans(result)
