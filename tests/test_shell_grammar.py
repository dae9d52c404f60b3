from __future__ import annotations

import contextlib
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from twisted_hoop.shell.grammar import MOST_WORDS, Parser
from twisted_hoop.shell.lexing import TooDeep, Unclear
from twisted_hoop.shell.tree import Case, Condition, For, Function, Group, If, Loop, Redirected, Script, Simple

WELL = [
    "a", "a b c", "a;b", "a\nb", "a & b", "a && b || c", "a | b |& c", "! a", "(a)", "{ a; }", "a=1 b", "a=1", "> x",
    "a >x 2>&1 <y >>z", "if a; then b; elif c; then d; else e; fi", "while a; do b; done", "until a; do b; done",
    "for x in a b; do c; done", "for x; do c; done", "for x in a\ndo c\ndone", "case a in b) c;; (d|e) f;; *) esac",
    "f() { a; }", "f () (a)", "function f { a; }", "[[ a == b && -f c ]]", "((1 + 2))",
    "for ((i=0;i<3;i++)); do a; done", "cat <<E\nx $y\nE", "cat <<'E'\nx\nE\nb", "cat <<-E\n\tx\n\tE", "a # c",
    "# c\na", "a \\\n b", "a;", "a=(1 2)", "{ a; } >x", "(a) <x | b", "time a", "echo if then", "a <<<b", "a &>b",
]  # fmt: skip
ILL = [
    "a )", "( a", "{ a", "a ; ; b", "&& a", "a &&", "a | ", "if a; fi", "if a; then b", "for in a", "case a in", "fi",
    "done", "a (b)", "f() a", "{ }", "()", "a ;; b", "cat <<E\nx", "while a; done", "function", "[[ a", "((a", "do a",
    "a | | b", "a & & b", "; a", "for x in a; { b; }", "select x in a; do b; done", "coproc a", "a <",
    "if a\nthen fi", "cat <<$x\nE\n", "a <->b", "! ", "f() {",
]  # fmt: skip


def parsed(text: str) -> Script:
    return Parser(text).parse()


@pytest.mark.parametrize("text", WELL)
def test_command_lines(text: str) -> None:
    assert parsed(text)
    assert subprocess.run(["bash", "-nc", text], capture_output=True).returncode == 0


@pytest.mark.parametrize("text", ILL)
def test_what_is_no_command_line_everywhere_is_unclear(text: str) -> None:
    with pytest.raises(Unclear):
        parsed(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("a", Simple), ("(a)", Group), ("if a; then b; fi", If), ("while a; do b; done", Loop),
     ("for x in a; do b; done", For), ("case a in b) c;; esac", Case), ("f() { a; }", Function),
     ("[[ a ]]", Condition), ("((1))", Condition),
     ("{ a; } >x", Redirected)],
)  # fmt: skip
def test_kinds(text: str, kind: type) -> None:
    (statement,) = parsed(text)
    (command,) = statement.chain[0][1].commands
    assert isinstance(command, kind)


def test_where_commands_begin_is_noted() -> None:
    parser = Parser("a=1 b; c $(d) | `e`")
    parser.parse()
    assert parser.seen.names == {4, 7, 11, 16, 17}


def test_what_is_nested_too_deeply_or_too_long_is_not_read() -> None:
    """C8."""
    for text in ("( " * 100 + "a" + ")" * 100, "{ " * 100, "if " * 100, "a " * (MOST_WORDS + 1)):
        with pytest.raises(TooDeep):
            parsed(text)


_piece = st.sampled_from(
    ["a", "b", " ", "\n", ";", "&&", "|", "&", "(", ")", "{", "}", "if", "then", "fi", "for", "in", "do", "done",
     "case", "esac", ";;", "<<E", "E", ">", "<", "'", '"', "$x", "$(", "`", "#", "\\", "[[", "]]", "!", "=",
     "while", "f()"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_piece, max_size=20).map(" ".join) | st.lists(_piece, max_size=20).map("".join))
def test_any_text_is_a_tree_or_unclear(text: str) -> None:
    with contextlib.suppress(Unclear):
        parsed(text)


@settings(max_examples=60, deadline=None)
@given(st.lists(_piece, min_size=1, max_size=8).map(" ".join))
def test_what_is_read_is_a_command_line_to_bash(text: str) -> None:
    """C1: never more lenient than the shell, for then structure would be guessed."""
    try:
        script = parsed(text)
    except Unclear:
        return
    if script:
        assert subprocess.run(["bash", "-nc", text], capture_output=True).returncode == 0
