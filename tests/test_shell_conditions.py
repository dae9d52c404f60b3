from __future__ import annotations

import pytest

from tests.support.shell import doubts
from twisted_hoop.shell.conditions import evaluated, has_subscript, is_plain_number
from twisted_hoop.shell.values import NUMBER, Value, unknown


def test_numbers_and_subscripts() -> None:
    for value in (Value("1"), Value("-3"), NUMBER):
        assert is_plain_number(value)
    for value in (Value("x"), Value(""), unknown("$x", "y"), Value("1", dialect=True)):
        assert not is_plain_number(value)
    assert has_subscript(Value("a[1]")) and not has_subscript(Value("[a]")) and not has_subscript(Value("a"))


@pytest.mark.parametrize(
    ("words", "doubtful"),
    [
        (["1", "-eq", "2"], False),
        (["x", "-eq", "2"], True),
        (["1", "-lt", "x"], True),
        (["-eq"], False),
        (["x", "=", "-eq"], False),
        (["-v", "x"], False),
        (["-v", "a[x]"], True),
        (["-f", "a[x]"], False),
        ([], False),
    ],
)
def test_what_is_evaluated(words: list[str], doubtful: bool) -> None:
    """C1: arithmetic evaluates names, and runs what stands in their subscripts."""
    assert bool(evaluated([Value(word) for word in words])) is doubtful


def test_in_all_kinds_of_tests() -> None:
    for text in ("[ x -eq 1 ]", "test 1 -gt x", "[[ x -eq 1 ]]", "[[ a && x -lt 3 ]]", "((x))", "[ -v 'a[b]' ]"):
        assert "dynamic" in doubts(text), text
    for text in ("[ 1 -eq 1 ]", "[[ 1 -lt 2 ]]", "i=1; [ $i -lt 5 ]", "[ -f a ]", "[[ a == b* ]]", "((1 + 1))"):
        assert not doubts(text), text
