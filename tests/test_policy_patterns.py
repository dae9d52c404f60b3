from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.policy.patterns import Patterns, is_plain, named_by, problem_with

anything = st.text(st.characters(exclude_categories=()))


def test_a_dot_in_plain_text_is_a_dot() -> None:
    assert Patterns(["public.orders"]).matches("public.orders")
    assert not Patterns(["public.orders"]).matches("publicXorders")


def test_a_pattern_is_matched_against_the_whole_value() -> None:
    assert not Patterns([r"orders\d*"]).matches("all_orders1")
    assert not Patterns([r"a|b"]).matches("ab")
    assert Patterns([r"a|b", "c|d"]).matches("d")


def test_a_dot_matches_a_newline_too() -> None:
    assert Patterns([r"hr\..*"], odd=True).matches("hr.pay\nroll")


def test_flags_stay_within_their_pattern() -> None:
    both = Patterns(["(?i)a+", "b+"])
    assert both.matches("AA") and not both.matches("BB")


def test_a_pattern_cannot_close_the_group_it_stands_in() -> None:
    with pytest.raises(ValueError, match="RE2"):
        Patterns(["a)|(b"])


@pytest.mark.parametrize("odd", [True, False])
def test_what_is_not_unicode_is_decided_by_odd(odd: bool) -> None:
    assert Patterns([".*"], odd).matches("a\ud800") is odd


def test_all_of_wants_at_least_one() -> None:
    assert not Patterns([".*"]).all_of([])
    assert Patterns([".*"]).all_of(["a", "b"])
    assert not Patterns(["a"]).all_of(["a", "b"])
    assert Patterns(["a"]).any_of(["b", "a"])


@pytest.mark.parametrize(
    "pattern", ["(", "*", r"\1", "a{2000}", "(?=x)", "", "public..", ".x", "x.", "(?P<a", "a\ud800("]
)
def test_what_cannot_be_used_is_told(pattern: str) -> None:
    assert problem_with(pattern)


def test_advice_is_given_for_common_slips() -> None:
    assert '".*"' in problem_with("*")
    assert "second rule" in problem_with("(?!x).*")


@pytest.mark.parametrize("pattern", ["unknown", "unknown|oversize", "unk.*", "(?i)UNKNOWN"])
def test_naming_a_value(pattern: str) -> None:
    assert named_by(pattern, ["unknown", "other"]) == {"unknown"}


@pytest.mark.parametrize("pattern", [".*", ".+", "[a-z]+", "[a-z-]*", r"\w+", "read", "(unknown)?.*", r"\S+", "[^A]+"])
def test_matching_anything_names_nothing(pattern: str) -> None:
    assert not named_by(pattern, ["unknown"])


@given(anything)
def test_every_pattern_is_used_or_its_problem_told(pattern: str) -> None:
    if problem_with(pattern):
        return
    Patterns([pattern]).matches("public.orders")


@given(st.text().filter(is_plain).filter(lambda text: not problem_with(text)), anything)
def test_plain_text_matches_itself_only(pattern: str, value: str) -> None:
    assert Patterns([pattern]).matches(value) is (pattern == value)


def test_what_is_remembered_has_an_end() -> None:
    many = Patterns(["v[0-9]+"])
    for number in range(5000):
        assert many.matches(f"v{number}") and not many.matches(f"w{number}")
    assert len(many._seen) <= 2048
