from __future__ import annotations

import contextlib
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twisted_hoop.shell.braces import MOST, TooMany, alternatives, has_braces
from twisted_hoop.shell.lexing import Lexer
from twisted_hoop.shell.tree import Glob, Literal, Part


def expanded(text: str) -> list[str]:
    parts = Lexer(text).word().parts
    return ["".join(map(shown, one)) for one in alternatives(parts)] if has_braces(parts) else [text]


def shown(part: Part) -> str:
    assert isinstance(part, (Literal, Glob))
    return part.text


CASES = [
    "a{b,c}d", "{a,b}{c,d}", "{a,{b,c}}", "a{1..3}", "{3..1}", "{a..e}", "{1..9..3}", "{01..03}", "{-1..1}", "{x}",
    "a{b", "a}b", "{a,b", "a,b}", "{}", "a{,b}c", "{{a,b},c}x", "{a,b}}", "{a..}", "{1..b}x{y,z}", "x{'a,b',c}y",
    r"{a\,b,c}", "${x}", "{a,b}*",
]  # fmt: skip


@pytest.mark.parametrize("text", [case for case in CASES if case not in ("{1..b}x{y,z}", "${x}")])
def test_bash_agrees(text: str) -> None:
    printed = subprocess.run(["bash", "-fc", f"printf '%s\\n' {text}"], capture_output=True, check=True, text=True)
    assert [one for one in expanded(text) if one] == printed.stdout.splitlines()


def test_what_is_quoted_is_no_brace() -> None:
    for text in ("'{a,b}'", '"{a,b}"', r"\{a,b\}"):
        assert not has_braces(Lexer(text).word().parts)
    assert expanded("{a,'b,c'}") == ["a", "b,c"]


@pytest.mark.parametrize("text", ["{1..100}", "{a,b}" * 7, "{1..b}", "{1..9999999}"])
def test_too_many_words_are_not_made(text: str) -> None:
    """C8."""
    with pytest.raises(TooMany):
        expanded(text)


@settings(max_examples=200)
@given(st.text("{},.a1", max_size=14))
def test_any_word_becomes_a_few_words_or_too_many(text: str) -> None:
    with contextlib.suppress(TooMany):
        assert 1 <= len(expanded(text)) <= MOST
