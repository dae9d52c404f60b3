"""Card numbers: one definition in two forms, a scan of octets and the detectors' pattern with its check."""

from __future__ import annotations

import re2
from hypothesis import example, given
from hypothesis import strategies as st
from stdnum import luhn

from twisted_hoop.masking.cards import card, cards
from twisted_hoop.masking.patterns import BUILT_IN

_GAPS = (b" ", b"-", b".", b"\xc2\xa0", b"\xe2\x80\x89", b"\xe2\x80\xaf", b"\xe2\x80\x90", b"\xe2\x80\x93")
_PIECES = st.one_of(
    st.sampled_from(
        (*_GAPS, b"a", b"f", b"\xe2", b"\x80", b"\xc2", b"\n", b"4111111111111111", b"5500-0000-0000-0004")
    ),
    st.integers(0, 10**19).map(lambda number: b"%d" % number),
    st.integers(0, 9999).map(lambda number: b"%04d" % number),
    st.binary(max_size=3),
)
_TEXTS = st.lists(_PIECES, max_size=30).map(b"".join)


def by_pattern(data: bytes) -> list[tuple[int, int]]:
    """What the pattern and its check find."""
    pattern = re2.compile(BUILT_IN["card"][0].pattern)
    return [span for match in pattern.finditer(data) for span in card(data, *match.span())]


@given(_TEXTS)
@example(b"4111 1111\xe2\x80\x91\xc2\xa01111 1111")
@example(b"0.4111111111111111 ")
@example(b"1.  4111111111111111")
@example(b"ab4111111111111111cdef0123456789abcdef")
@example(b"4111111111111111\xe2\x80")
def test_scan_and_pattern_find_the_same(data: bytes) -> None:
    """M3: whichever way cards are looked for, the same octets are hidden."""
    assert cards(data) == by_pattern(data)


@given(_TEXTS, st.integers(0, 40), st.integers(0, 40))
def test_a_check_stays_inside_its_candidate(data: bytes, start: int, length: int) -> None:
    start = min(start, len(data))
    end = min(start + length, len(data))
    for a, b in card(data, start, end):
        assert start <= a < b <= end
        digits = "".join(chr(c) for c in data[a:b] if 48 <= c <= 57)
        assert 13 <= len(digits) <= 19
        assert luhn.is_valid(digits)


@given(st.integers(0, 10**12), st.integers(13, 19))
def test_visa_by_its_lengths(number: int, length: int) -> None:
    body = f"4{number:018}"[: length - 1]
    text = (body + luhn.calc_check_digit(body)).encode()
    assert cards(b"paid with %b, thanks" % text) == ([(10, 10 + length)] if length in (13, 16, 18, 19) else [])


def test_issuers_that_overlap_go_by_the_first() -> None:
    """Of two prefixes that hold, the one that is listed first gives the lengths: 62 is UnionPay's, not Maestro's."""
    body = "62000000000000"
    short = body + luhn.calc_check_digit(body)
    assert cards(short.encode()) == []
    body += "0"
    assert cards((body + luhn.calc_check_digit(body)).encode()) == [(0, 16)]
