from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.shell.grammar import Parser
from twisted_hoop.shell.lexing import DEEPEST, Lexer, TooDeep, Unclear
from twisted_hoop.shell.tree import (
    Arithmetic,
    Glob,
    Literal,
    Odd,
    Part,
    Process,
    Substitution,
    Tilde,
    Variable,
)  # fmt: skip


def parts(text: str) -> tuple[Part, ...]:
    parser = Parser(text)
    found = parser.word().parts
    assert parser.at == len(text)
    return found


def kinds(text: str) -> list[str]:
    return [type(part).__name__ for part in parts(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc", (Literal("abc"),)),
        ("a'b c'", (Literal("a"), Literal("b c", quoted=True))),
        ('"a\\$b\\c"', (Literal("a$b\\c", quoted=True),)),
        ("a\\ b", (Literal("a"), Literal(" ", quoted=True), Literal("b"))),
        ("$x", (Variable("x", quoted=False),)),
        ('"${x}"', (Literal("", quoted=True), Variable("x", quoted=True))),
        ("$1$@$?", (Variable("1", False), Variable("@", False), Variable("?", False))),
        ("*.log", (Glob("*"), Literal(".log"))),
        ("[a-z]?", (Glob("[a-z]"), Glob("?"))),
        ("~", (Tilde(),)),
        ("~root/x", (Tilde("root"), Literal("/x"))),
        ("a~", (Literal("a~"),)),
        ("$", (Literal("$", quoted=True),)),
        ("''", (Literal("", quoted=True),)),
        ("a#b", (Literal("a#b"),)),
    ],
)
def test_words(text: str, expected: tuple[Part, ...]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    "text",
    ["$'a'", '$"a"', "=ls", "!x", "$a[1]", "$a:t", "${a}[1]", "$=a", "$~a", "$#a", "a\x01b", "[a$x]", "a\\\nb", "~$x"],
)
def test_what_shells_read_in_different_ways_is_odd(text: str) -> None:
    """C1: the strictest reading."""
    assert "Odd" in kinds(text)


def test_expansions() -> None:
    assert kinds("$(a)") == kinds("`a`") == ["Substitution"]
    assert kinds("<(a)") == kinds(">(a)") == ["Process"]
    assert kinds("$((1+$x))") == ["Arithmetic"]
    (operator,) = parts("${x:-$(rm)}")
    assert isinstance(operator, Variable) and operator.operator
    assert any(isinstance(part, Substitution) for part in operator.parts)
    assert parts("${#x}") == (Variable("#", quoted=False),)
    assert isinstance(parts("$((1))")[0], Arithmetic) and isinstance(parts("<(a)")[0], Process)


def test_backslashes_within_backticks_go_one_level() -> None:
    (outer,) = parts("`echo \\`echo a\\``")
    assert isinstance(outer, Substitution)
    assert any(isinstance(part, Odd) for part in parts('"`echo "a"`"'))


@pytest.mark.parametrize(
    "text",
    ["'a", '"a', "`a", "$(a", "${a", "$((1)", "$'a", "a\\", "\0", "${ a;}", "${|a;}", "$[1]", "a<(b)", "$\\\na",
     '"$\\\na"', "${x:-a;b}", "\"${x:-'}'}\"", "$((`a`))", "${(e)x}"],
)  # fmt: skip
def test_what_is_not_clear_is_not_read(text: str) -> None:
    with pytest.raises(Unclear):
        Parser(text).word()


def test_depth_is_bounded() -> None:
    """C8."""
    for opening in ("$(", "${x:-", "$(("):
        with pytest.raises(Unclear):
            Parser(opening * 500).word()
    with pytest.raises(TooDeep):
        Parser("$(" * (DEEPEST + 1)).word()


def test_a_here_document_keeps_quotes_and_expands() -> None:
    body = Lexer("a \"b\" $x 'c' \\$y\n").here_body().parts
    assert body[1] == Variable("x", quoted=True)
    assert isinstance(body[2], Literal) and body[2].text == " 'c' $y\n"


@given(st.text(st.sampled_from("ab$(){}[]'\"`\\*?~=!#<>|&; \n:-\0é"), max_size=30))
def test_any_text_is_a_word_or_unclear(text: str) -> None:
    parser = Parser(text)
    try:
        word = parser.word()
    except Unclear:
        return
    assert word.raw == text[: parser.at]
