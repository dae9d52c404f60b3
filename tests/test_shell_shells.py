from __future__ import annotations

import pytest

from tests.support.shell import commands, doubts, found


@pytest.mark.parametrize(
    "text",
    [
        "sh -c 'rm x'", "bash -c 'rm x'", "sh -ec 'rm x'", "sh -c -e 'rm x'", "bash --norc -c 'rm x'",
        "bash -o errexit -c 'rm x'", "bash -oc errexit 'rm x'", "sh -c 'rm \"$1\"' _ x", "sh -c 'rm $1' _ x",
        "eval rm x", "eval 'rm x'", "eval -- rm x", "su -c 'rm x'", "su root -c 'rm x'", "su -c 'rm x' root",
        "runuser -u root -- rm x", "ssh h rm x", "ssh h 'rm x'", "ssh -p 22 u@h rm x", "ssh h -p 22 rm x",
        "ssh -o BatchMode=yes h rm x", "script -c 'rm x' y", "script -qc 'rm x'", "sh <<E\nrm x\nE",
        "sh -s a <<E\nrm x\nE", "zsh -c 'rm x'", "busybox sh -c 'rm x'", "sh -c 'sh -c \"rm x\"'",
        "find a -exec rm x \\;", "find a -exec sh -c 'rm x' \\;",
    ],
)  # fmt: skip
def test_the_line_inside_is_read(text: str) -> None:
    """C2."""
    assert "rm x" in commands(text) and not doubts(text)


@pytest.mark.parametrize(
    "text",
    [
        "sh", "sh -s", "sh -", "bash -i", "sh -c $x", "sh -c \"$x\"", "sh -c", "sh --what x", "sh -c 'x",
        "bash --rcfile x", "sh <x", "a | sh", "eval $x", "su", "su -", "su root", "ssh h",
        "ssh -o ProxyCommand=x h y", "ssh -F x h y", "ssh $h y", "script x", "sh <(x)", "sh -c {a,b}",
        "bash -O extglob -c 'a$x'", "sh $x", "ssh -oPermitLocalCommand=yes h x", "sh -c 'a'\"$x\"",
        "find . -exec sh -c 'rm {}' \\;", "find . -exec $x \\;", "find $x -exec rm {} +",
        "find -files0-from x -exec rm {} +",
    ],
)  # fmt: skip
def test_a_line_that_is_not_known_is_dynamic(text: str) -> None:
    """C1."""
    assert doubts(text)


def test_a_script_file_is_judged_by_its_name() -> None:
    assert {"sh", "x.sh", "~/x.sh"} <= found("sh x.sh a", "program") and not doubts("sh x.sh a")
    assert "/bin/rm" in found("bash /bin/rm", "program")


def test_find_acts_on_everything_below_its_roots() -> None:
    assert "/etc/**" in found("find /etc -exec cat {} \\;", "path_glob")
    assert found("find /etc -delete", "flag") >= {"remove", "recursive"}
    assert "/x" in found("find . -fprint /x", "path")
    assert {"cat", "rm"} <= found("find a -exec cat {} \\; -exec rm {} +", "program")
    assert not doubts("find . -name '*.x' -type f") and doubts("find . -exec rm {}")


def test_a_login_shell_begins_at_a_home_nobody_knows() -> None:
    assert doubts("su - -c 'cat x'") and not doubts("su -c 'cat x'")
    assert doubts("sudo sh -c 'cat ~/x'") and not doubts("sh -c 'cat ~/x'")


def test_another_host_starts_anew() -> None:
    assert found("cd /etc && ssh h cat x", "path") >= {"~/x"}
    assert "dynamic" in doubts("a=rm; ssh h '$a x'")
