from __future__ import annotations

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st

from twisted_hoop.shell.options import Unreadable, given, takes
from twisted_hoop.shell.values import Value, unknown

OPTIONS = takes("ab", "vn", "all", "value name", single="long")


def read(*texts: str) -> tuple[dict[str, list[str]], int]:
    found = given(OPTIONS, [Value(text) for text in texts])
    return {name: [value.text for value in values] for name, values in found.options.items()}, found.rest


def test_as_getopt_does() -> None:
    assert read("x", "-ab", "c") == ({"a": [""], "b": [""]}, 2)
    assert read("x", "-v", "1", "c") == ({"v": ["1"]}, 3)
    assert read("x", "-av1", "c") == ({"a": [""], "v": ["1"]}, 2)
    assert read("x", "--value=1", "--all", "c") == ({"value": ["1"], "all": [""]}, 3)
    assert read("x", "--value", "1", "--", "-a") == ({"value": ["1"]}, 4)
    assert read("x", "-", "-a") == ({}, 1)
    assert read("x", "-long", "y", "z") == ({"long": ["y"]}, 3)
    assert read("x") == ({}, 1)


@pytest.mark.parametrize("texts", [["-q"], ["--what"], ["--al"], ["-v"], ["--value"], ["-aq"], ["-5"]])
def test_what_is_not_known_is_not_guessed(texts: list[str]) -> None:
    """C2: the command inside would begin at some other word."""
    with pytest.raises(Unreadable):
        read("x", *texts)


def test_words_that_are_not_known_are_not_skipped() -> None:
    for value in (unknown("$x", "y"), Value("-a", dialect=True), Value("*", glob="*")):
        if value.text != "*":
            with pytest.raises(Unreadable):
                given(OPTIONS, [Value("x"), value])
    assert given(takes("", "", numbers=True), [Value("x"), Value("-5"), Value("c")]).rest == 2


@hypothesis_given(st.lists(st.text("abvn-=x", max_size=4), max_size=6))
def test_any_words_have_a_first_operand_or_are_unreadable(texts: list[str]) -> None:
    try:
        _, rest = read("x", *texts)
    except Unreadable:
        return
    assert 1 <= rest <= len(texts) + 1
