"""Names of members and columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.streams import KEY, fields
from twisted_hoop.masking.fields import STARS, Fields
from twisted_hoop.masking.strategies import hashed_text
from twisted_hoop.settings import MaskSection


def test_names_match_as_they_stand_in_lower_case_and_without_blanks() -> None:
    found = fields("card_number", ".*_token")
    for name in (b"card_number", b"Card_Number", b" card_number ", b"api_token"):
        assert found.strategy(name) == "redact"
    for name in (b"card_numbers", b"token", b"", b"\xff"):
        assert found.strategy(name) == ""


def test_the_strictest_of_two_masks_holds() -> None:
    sections = [
        MaskSection(name="a", fields=["card"], strategy="partial"),
        MaskSection(name="b", fields=["c.*"], strategy="hash"),
    ]
    assert Fields(sections, KEY).strategy(b"card") == "hash"


def test_what_a_value_becomes() -> None:
    found = fields("x")
    assert found.replacement("redact", b"secret") == STARS
    assert found.replacement("null", b"secret") == b""
    assert found.replacement("hash", b"secret") == hashed_text(KEY, b"secret")
    assert found.replacement("partial", b"4111111111111111") == b"************1111"


def test_masks_without_fields_are_none() -> None:
    assert not Fields([MaskSection(name="a", detect=["card"])], KEY)
    assert fields("x")


def test_a_pattern_that_does_not_compile_is_refused() -> None:
    """C5: at the start, not when the first name comes by."""
    with pytest.raises(ValueError, match="RE2"):
        fields("(")


@pytest.mark.parametrize("pattern", ["card_number", ".*_token", "(card|iban)[0-9]*", "^card$", r"\Acard\z", "x.y+"])
@given(
    before=st.binary(max_size=10),
    name=st.sampled_from([b"card", b"card_number", b"a_token", b"CARD", b"iban7", b"x\nyy"]),
)
def test_the_filter_never_misses_a_name(pattern: str, before: bytes, name: bytes) -> None:
    found = fields(pattern)
    if found.strategy(name):
        assert found.might(before + b'"' + name + b'":')


def test_a_name_written_with_escapes_is_not_missed_by_the_filter() -> None:
    assert fields("card").might(rb'"c\u0061rd": 1')


def test_what_is_remembered_of_names_has_an_end() -> None:
    found = fields("card")
    for number in range(10_000):
        found.strategy(b"name%d" % number)
    assert found.strategy(b"card") == "redact"


@given(st.lists(st.sampled_from([b"card_number", b"CARD_", b"number", b'"', b"\\u0063", b"x", b"\n"]), max_size=12))
def test_where_a_name_may_begin(parts: list[bytes]) -> None:
    """Behind -1 no name of theirs stands; a pattern with an anchor never says -1."""
    data = b"".join(parts)
    found = fields("card_number")
    at = found.find(data, 0)
    assert (at >= 0) == found.might(data)
    assert at < 0 or data[at : at + 1] in b"cC\\"
    assert at >= 0 or b"card_number" not in data.lower()
    assert fields("^card$").find(data, 0) == 0
