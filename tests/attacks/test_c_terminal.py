"""Attacks on the line model of interactive shells (rows C3 and C4), read by the real reader of shell commands.

Advisory, as documents say: these are the tricks the threat list names, not every trick there is.
"""

from __future__ import annotations

import pytest

from tests.support.transfers import Passing
from twisted_hoop.model import Command, Decision, Effect, Session
from twisted_hoop.shell.reader import ShellReader
from twisted_hoop.ssh.terminal import TerminalJudge
from twisted_hoop.testing.fakes import FakeGate

PROMPT = b"me@box:~$ "
READER = ShellReader()


def no_rm() -> FakeGate:
    """A rule that denies program rm."""

    def decide(session: Session, command: Command) -> Decision:
        if any("rm" in facts.get("program", ()) for facts in command.facts):
            return Decision(Effect.DENY, "no-rm", "not here")
        return Decision(Effect.ALLOW, "shells")

    return FakeGate(decide)


def shell() -> Passing:
    passing = Passing(TerminalJudge(lambda line: READER.read(line).facts), no_rm())
    passing.target(PROMPT)
    return passing


def runs(passing: Passing, keys: bytes, echo: bytes | None = None) -> bool:
    """Whether an Enter after these keys reaches the target."""
    passing.client(keys)
    passing.target(keys if echo is None else echo)
    passing.to_target.clear()
    passing.client(b"\r")
    passing._carry(passing.judge.idle())  # type: ignore[attr-defined]
    return b"\r" in passing.to_target


def test_the_rule_works_at_all() -> None:
    assert runs(shell(), b"ls -l")
    assert not runs(shell(), b"rm -rf x")


@pytest.mark.parametrize(
    ("keys", "echo"),
    [
        (b"ls;rm -rf x", None),
        (b"sudo rm x", None),
        (b"r''m x", None),
        (b"\x1b[A", b"rm -rf x"),
        (b"xm x\x01\x1b[3~r\x05", b"rm x"),
        (b"m x\x1b[D\x1b[D\x1b[Dr", b"rm x"),
        (b"echo ok\x15rm x", b"echo ok\r\x1b[K" + PROMPT + b"rm x"),
        (b"\x1b\x1brm x", b"rm x"),
        (b"r\t", b"rm x"),
        (b"\x12rm", b"\r\x1b[K(reverse-i-search)`rm': rm -rf x"),
        (b"rm \\x", None),
        (b"\x1b[200~rm x\x1b[201~", b"rm x"),
    ],
)
def test_C3_ways_to_type_a_line(keys: bytes, echo: bytes | None) -> None:
    """History, cursor keys, deleted and typed again, completed, pasted, quoted, several in a line."""
    assert not runs(shell(), keys, echo)


def test_C3_ctrl_c_and_retype() -> None:
    passing = shell()
    assert not runs(passing, b"echo hi\x03rm x", b"echo hi^C\r\n" + PROMPT + b"rm x")
    assert passing.asked[-1].text == "rm x"


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\x0f"])
def test_C3_a_paste_of_many_lines(end: bytes) -> None:
    """The second line is judged even though the first has not run yet, whichever key runs it."""
    passing = shell()
    passing.client(b"echo a" + end + b"rm x" + end)
    for _ in range(4):
        passing._carry(passing.judge.idle())  # type: ignore[attr-defined]
    assert bytes(passing.to_target).startswith(b"echo a" + end + b"rm x") and passing.to_target.endswith(b"\x03")


def test_C3_a_paste_that_pretends_to_be_bracketed() -> None:
    """A shell that knows no brackets runs every line of it."""
    passing = shell()
    passing.client(b"\x1b[200~rm x\nls\x1b[201~\r")
    assert b"\n" not in passing.to_target and b"\x03" in passing.to_target


@pytest.mark.parametrize("prompt", [b"$ rm x; ", b"", b"rm ", b"\r\n", b"> "])
def test_C3_prompts_that_confuse(prompt: bytes) -> None:
    passing = Passing(TerminalJudge(lambda line: READER.read(line).facts), no_rm())
    passing.target(prompt)
    assert not runs(passing, b"rm y")


@pytest.mark.parametrize(
    "output",
    [
        b"\x1b[?1049h", b"\x1b[?47h", b"\x1b[?25l", b"\x1b[8m", b"\x1b[2J\x1b[H", b"\x1b[?2004l", b"\x1b]0;vim\x07",
        b"\x1b[999B" + PROMPT, b"\x1b[6n", b"\x1b#8", b"\x1bc", b"\x00" * 100,
    ],
)  # fmt: skip
def test_C4_output_never_switches_the_judgement_off(output: bytes) -> None:
    """C4: alternate screens, hidden text, resets: a line that was typed is judged as typed."""
    passing = shell()
    passing.target(output)
    assert not runs(passing, b"rm x", b"")


def test_C4_a_false_echo_lifts_nothing() -> None:
    """A target that shows something harmless for what was typed."""
    assert not runs(shell(), b"rm x", b"ls -l")
    assert not runs(shell(), b"rm x\x1b[A\x1b[B", b"ls -l")
    assert not runs(shell(), b"rm x", b"")


def test_C4_a_flood_of_output_lifts_nothing() -> None:
    passing = shell()
    for _ in range(100):
        passing.target(b"\x1b[?1049h\x1b[?1049l" * 2000)
    assert not runs(passing, b"rm x", b"")


def test_C3_whoever_is_refused_is_told() -> None:
    passing = shell()
    runs(passing, b"rm x")
    assert b"hoop: refused by rule no-rm: not here" in passing.to_client
