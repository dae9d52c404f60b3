from __future__ import annotations

from functools import lru_cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twisted_hoop.shell.grammar import Parser
from twisted_hoop.shell.second_reading import SecondReading
from twisted_hoop.shell.tree import Seen


@lru_cache
def _second() -> SecondReading:
    return SecondReading()


def objection(text: str) -> str:
    parser = Parser(text)
    parser.parse()
    return _second().objection(text.encode(), parser.seen)


@pytest.mark.parametrize(
    "text",
    ["a; b | c", "a $(b) `c`", "if [ -f x ]; then a; fi", "f() { a; }; f", "cat <<E\n$(a)\nE\nb",
     "export A=1; unset B", "`a \\`b\\``", "x=1 a <y", "case x in a) b;; esac"],
)  # fmt: skip
def test_two_readings_agree(text: str) -> None:
    assert objection(text) == ""


def test_a_command_that_only_one_sees_is_an_objection() -> None:
    """C1: in either direction."""
    second = SecondReading()
    assert "different" in second.objection(b"a; b", Seen(names={0}))
    assert "different" in second.objection(b"a  b", Seen(names={0, 3}))
    assert second.objection(b"a; b", Seen(names={0}, blind=[(2, 4)])) == ""


def test_what_it_does_not_parse_is_an_objection() -> None:
    for text in (b"a (", b"case x", b"'"):
        assert "parse" in SecondReading().objection(text, Seen())


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_have_an_answer(text: bytes) -> None:
    assert isinstance(_second().objection(text, Seen()), str)
