"""Control flow: what is known after branches, loops and calls; every test here was a way to be deceived."""

from __future__ import annotations

import pytest

from tests.support.shell import commands, doubts, found, read


@pytest.mark.parametrize(
    "text",
    [
        "a=rm; $a x",
        "a=echo; a=rm; $a x",
        "a=rm; if true; then b=1; fi; $a x",
        "if true; then a=rm; else a=rm; fi; $a x",
        "a=rm; (a=echo); $a x",
        "a=rm; x=$(a=echo); $a x",
        "for a in rm; do $a x; done",
        "f() { $1 x; }; f rm",
        "f() { a=rm; }; f; $a x",
        "a=rm; f() { a=echo; return; }; $a x; f",
        "a=ls; f() { a=rm; return; a=ls; }; f; $a x",
        "a=echo; test x || exit; a=rm; $a x",
        "eval a=rm; $a x",
        "export a=rm; $a x",
    ],
)
def test_what_is_certain_is_resolved(text: str) -> None:
    assert "rm x" in commands(text)
    assert not doubts(text), read(text).why


@pytest.mark.parametrize(
    "text",
    [
        "a=ls; if true; then a=rm; fi; $a x",
        "a=ls; true && a=rm; $a x",
        "a=ls; false || a=rm; $a x",
        "a=ls; for i in 1; do a=rm; break; a=ls; done; $a x",
        "a=ls; for i in 1; do a=rm; continue; a=ls; done; $a x",
        "a=ls; f() { a=rm; test x && return; a=ls; }; f; $a x",
        "a=ls; while true; do a=rm; break; done; $a x",
        "a=ls; case x in x) a=rm;; esac; $a x",
        "a=ls; echo x | a=rm; $a x",
        "a=ls; read a; $a x",
        "a=ls; unset a; $a x",
        "a=ls; trap 'a=rm' EXIT; sleep 1; (trap '$a x' EXIT)",
        "a=ls; f() { break; }; for i in 1; do f; a=rm; done; $a x",
        "$a x",
        "a=ls; export a=$b; $a x",
        "a=ls; for a in *; do :; done; $a x",
        "a=ls; printf -v a rm; $a x",
        "a=ls; let a=b; $a x",
        "a=ls; getopts x a; $a x",
        "if true; then f() { rm x; }; fi; f",
        "a=ls sh -c '$a x'",
    ],
)
def test_what_may_be_either_is_dynamic(text: str) -> None:
    """C1."""
    assert "dynamic" in doubts(text)


def test_loops_go_round_until_nothing_changes() -> None:
    assert commands("for i in 1 2; do $a; a=rm; done") >= {"rm"} or doubts("for i in 1 2; do $a; a=rm; done")
    text = "i=0; while [ $i -lt 5 ]; do echo $i; i=$((i+1)); done"
    assert not doubts(text) and "echo 0" in commands(text)
    assert doubts("a=x; while b; do $a; a=$c; done")


def test_bodies_that_nothing_calls_are_judged_too() -> None:
    assert "rm x" in commands("f() { rm x; }")
    assert "dynamic" in doubts("f() { $1 x; }")


def test_calls_within_calls_end() -> None:
    assert doubts("f() { f; }; f") and doubts("f() { g; }; g() { f; }; f")


def test_a_directory_is_where_the_shell_may_be() -> None:
    assert found("cd /etc && cat x", "path") == {"/etc", "/etc/x"}
    assert found("cd /etc; cat x", "path") == {"/etc", "/etc/x", "~/x"}
    assert found("cd /etc || exit 1; cat x", "path") == {"/etc", "/etc/x"}
    assert found("(cd /etc && cat x); cat y", "path") == {"/etc", "/etc/x", "~/y"}
    assert doubts("cd $x; cat y") and doubts("cd -; cat y") and doubts("cd ..; cat y") and doubts("popd; cat y")
    assert found("cd /a && cd b && cat x", "path") == {"/a", "/a/b", "/a/b/x"}
    assert "/etc/x" in found("command cd /etc; cat x", "path")


def test_the_background_is_a_flag() -> None:
    assert found("a & b", "flag") == {"background"}
    assert not found("a; b", "flag")
