from __future__ import annotations

import pytest

from tests.support.shell import commands, doubts, found


@pytest.mark.parametrize(
    "text",
    [
        "set -e; ls", "set -euo pipefail; ls", "set -- a b; ls", "shift; ls", "export A=1 B; ls",
        "local a=1", "declare -x a=1", "unset A", "read a b", "read -r line", "printf '%s' a", "test -f a",
        "[ a = b ]", "trap 'ls' EXIT", "trap - INT", "trap '' 2", "alias", "hash -r", "umask 077", "true", ":",
        "exit 3", "return", "let 1+1", "cd", "wait",
    ],
)  # fmt: skip
def test_builtins_of_every_day(text: str) -> None:
    assert not doubts(text)


@pytest.mark.parametrize(
    "text",
    [
        "set -k", "set -H", "set -o history", "set -o vi", "alias a=b", "alias $x", "hash -p /bin/rm ls",
        "enable -n echo", "shopt -s extglob", "setopt x", "emulate sh", "zmodload x", ". x", "source x",
        "readonly A=1", "declare -r A=1", "declare -n a=b", "declare -i a=b", "export -f f", "export PATH=/x",
        "typeset -x LD_PRELOAD=x", "unset PATH", "read IFS", "mapfile -C x a", "at now", "unset 'a[$(b)]'",
        "test -v 'a[$(b)]'", "read 'a[$(b)]'", "printf -v 'a[$(b)]' x", "let 'a[$(b)]'", "let a", "fc -s",
        "bind -x x", "complete -C x", "disable ls", "trap $x EXIT", "trap \"$x\" EXIT", "jobs -x ls", "newgrp x",
        "suspend",
    ],
)  # fmt: skip
def test_what_changes_how_commands_are_read_is_dynamic(text: str) -> None:
    """C1, S18."""
    assert "dynamic" in doubts(text)


def test_what_a_trap_runs_is_judged_for_any_variables() -> None:
    assert "rm x" in commands("trap 'rm x' EXIT")
    assert "dynamic" in doubts("a=ls; trap '$a' EXIT; a=rm")


def test_positional_parameters_are_forgotten() -> None:
    assert "dynamic" in doubts("set -- rm; $1") and "dynamic" in doubts("f() { shift; $1; }; f a b")


def test_nothing_comes_after_exit() -> None:
    assert not doubts("test x || exit 1; a=rm; $a")


def test_directories() -> None:
    assert found("cd; cat x", "path") == {"~/x"}
    assert found("pushd /etc && cat x", "path") == {"/etc", "/etc/x"}
    assert (
        "dynamic" in doubts("cd /a /b; cat x")
        and "dynamic" in doubts("cd *; cat x")
        and "dynamic" in doubts("cd +1; cat x")
    )
