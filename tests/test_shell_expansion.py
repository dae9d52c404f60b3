from __future__ import annotations

import pytest

from tests.support.shell import commands, doubts, found


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("echo a'b'\"c\"", "echo abc"),
        ("echo $(echo a b)x", ""),
        ('echo "$(echo a b)"', "echo a b"),
        ("echo $(echo a)", "echo a"),
        ("x=1; echo ${x}2", "echo 12"),
        ("x=; echo a$x", "echo a"),
        ("x=; echo $x", "echo"),
        ('x=; echo "$x"', "echo "),
        ("echo $1$@", "echo"),
        ("set -- a; echo", "echo"),
        ("echo ~ $HOME", "echo ~ ~"),
        ("echo *.log", "echo *.log"),
        ("echo '*'", "echo *"),
        ("echo {a,b}c", "echo ac bc"),
        ("echo {a,b}c", "echo {a,b}c"),
        ("f() { echo \"$@\"; }; f a b", "echo a b"),
        ("f() { echo $2; }; f a b", "echo b"),
        ("for i in a b; do echo $i; done", "echo b"),
        ("echo $((1+2))", "echo 0"),
    ],
)  # fmt: skip
def test_what_words_become(text: str, command: str) -> None:
    assert not command or command in commands(text)


@pytest.mark.parametrize(
    "text",
    [
        "echo $x", "echo ${x:-a}", "echo $(date)", "x='a b'; echo $x", "x='*'; echo $x", 'echo $"a"', "echo $'a'",
        "$(echo a)b*", "echo ~$x", "echo \"${x}\"", "IFS=,; echo a", "echo $PATH", "echo ${HOME}x",
        "x=$HOME; echo a$x", "echo {1..1000}", "echo $((x))", "x='a[1]'; echo $((x))", "echo ${!x}", "echo {,b}",
        "for f in *; do rm $f; done", "HOME=/; echo ~",
    ],
)  # fmt: skip
def test_what_cannot_be_resolved_is_dynamic(text: str) -> None:
    """C1."""
    assert "dynamic" in doubts(text)


@pytest.mark.parametrize(
    "text",
    ["echo $?", "echo $$", "x=5; echo $((x*2))", "echo \"$(echo a)\"", 'for f in *; do rm "$f"; done', "cat <(ls)",
     "PWD_=1 ls", "echo $PWD", "x=a; echo $x", "rm -- \"$HOME\"/x"],
)  # fmt: skip
def test_what_can_be_resolved_is_not(text: str) -> None:
    assert not doubts(text)


def test_globs_are_kept_and_told_apart_from_text() -> None:
    assert found("cat /etc/*", "path_glob") == {"/etc/*"} and found("cat '/etc/*'", "path_glob") == set()
    assert found("cat [ab]?", "path_glob") == {"~/??"} and found("cat [ab]?", "path") == {"~/[ab]?"}
    assert found("cat a*", "flag") == {"glob"}
    assert found('for f in /etc/*; do cat "$f"; done', "path_glob") == {"/etc/*"}
    assert found("rm *", "command_glob") == {"rm **"}


def test_another_persons_home_may_be_anywhere() -> None:
    assert found("cat ~bob/x", "path_glob") == {"/**/x"}
