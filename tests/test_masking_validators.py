"""Checks of candidates: checksums and bounds, and that none of them fails on anything."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import luhn

from twisted_hoop.masking import validators
from twisted_hoop.masking.detectors import Detector

CHECKS = [
    validators.accept, validators.card, validators.ssn, validators.iban, validators.phone, validators.jwt,
    validators.mixed, validators.secret40,
]  # fmt: skip


@given(st.binary(max_size=60), st.data())
def test_checks_answer_spans_inside_the_candidate(data: bytes, draw: st.DataObject) -> None:
    start = draw.draw(st.integers(0, len(data)))
    end = draw.draw(st.integers(start, len(data)))
    for check in (validators.card, validators.phone, validators.jwt, validators.mixed, validators.secret40):
        for a, b in check(data, start, end):
            assert start <= a < b <= end or (a, b) == (start, end)


@given(st.from_regex(rb"[0-9]{3}[- .][0-9]{2}[- .][0-9]{4}", fullmatch=True))
def test_ssn_takes_only_what_can_be_issued(data: bytes) -> None:
    found = validators.ssn(data, 0, len(data))
    area = data[:3]
    possible = area not in (b"000", b"666") and area < b"900" and data[4:6] != b"00" and data[7:] != b"0000"
    assert bool(found) == (possible and data[3] == data[6])


@settings(max_examples=200)
@given(st.sampled_from(["4", "51", "55", "34", "6011", "2221", "36"]), st.integers(0, 10**15))
def test_made_up_cards_are_found_exactly_when_luhn_holds(prefix: str, number: int) -> None:
    length = {"34": 15, "36": 14}.get(prefix, 16)
    body = (prefix + f"{number:015}")[: length - 1]
    good = body + luhn.calc_check_digit(body)
    bad = body + str((int(good[-1]) + 1) % 10)
    assert [s.name for s in Detector(["card"]).spans(good.encode())] == ["card"]
    assert Detector(["card"]).spans(bad.encode()) == []


@pytest.mark.parametrize("size", [13, 19, 20, 64, 2000, 2001])
def test_long_runs_of_groups_end(size: int) -> None:
    """C8: runs of thousands of groups are hidden as a whole instead of being tried from each."""
    data = b" ".join(b"%d" % random.Random(i).randint(0, 9) for i in range(size))
    spans = validators.card(data, 0, len(data))
    assert spans == [(0, len(data))] if size > 2000 else all(0 <= a < b <= len(data) for a, b in spans)


def test_a_digest_is_no_card() -> None:
    digest = b"ab4111111111111111" + b"cdef0123456789abcdef"
    assert validators.card(digest, 2, 18) == []
    assert validators.card(b"x4111111111111111y", 1, 17) == [(1, 17)]


def test_iban_stops_at_its_country_s_length() -> None:
    data = b"DE89370400440532013000 AB12"
    assert validators.iban(data, 0, len(data)) == [(0, 22)]
    assert validators.iban(b"x" + data, 1, len(data)) == []


def test_is_word() -> None:
    assert [validators.is_word(b"a1_ ", i) for i in range(-1, 5)] == [False, True, True, False, False, False]
