"""Lines typed into a shell: by hand, and into a real one."""

from __future__ import annotations

import os
import pty
import select
import signal
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.streams import SIZES, cut
from tests.support.transfers import Passing, gate
from twisted_hoop.model import Facts
from twisted_hoop.ssh.terminal import NOT_ECHOED, TerminalJudge

PROMPT = b"me@box:~$ "


def facts(line: bytes) -> tuple[Facts, ...]:
    """Enough of a reader: one command for each part between semicolons."""
    parts = [part.split() for part in line.decode().split(";") if part.strip()]
    return tuple({"class": frozenset({"exec"}), "program": frozenset(words[:1])} for words in parts)


def judge() -> TerminalJudge:
    return TerminalJudge(facts, 80, 24, 1, 1)


def shell(denied: tuple[str, ...] = (), waiting: str = "") -> Passing:
    passing = Passing(judge(), gate(denied), waiting)
    passing.target(PROMPT)
    passing.to_client.clear()
    return passing


def sent(passing: Passing) -> bytes:
    found = bytes(passing.to_target)
    passing.to_target.clear()
    return found


def key(passing: Passing, data: bytes, echo: bytes | None = None) -> None:
    """Keys and what the shell shows of them."""
    passing.client(data)
    passing.target(data if echo is None else echo)


def asked(passing: Passing) -> list[str]:
    return [command.text for command in passing.asked]


def test_a_line_is_asked_for_before_its_enter_is_sent() -> None:
    passing = shell(waiting="rm")
    key(passing, b"rm -rf x")
    assert sent(passing) == b"rm -rf x"
    passing.client(b"\r")
    assert (sent(passing), asked(passing)) == (b"", ["rm -rf x"])
    assert passing.asked[0].action == "line"
    assert passing.asked[0].facts == ({"class": {"shell"}, "program": {"rm"}},)
    passing.client(b"ls")
    assert passing.judge.held_back() == 3
    passing.answer()
    assert sent(passing) == b"\rls"
    assert [entry.kind for entry in passing.entries] == ["command"]


def test_a_refused_line_is_taken_back() -> None:
    passing = shell(denied=("rm",))
    key(passing, b"rm x")
    sent(passing)
    passing.client(b"\r")
    assert sent(passing) == b"\x03"
    assert b"\r\nhoop: refused by rule no-such-files: not these\r\n" in passing.to_client
    assert [entry.kind for entry in passing.entries] == ["refused"]


def test_an_empty_line_is_no_question() -> None:
    passing = shell()
    passing.client(b"\r")
    key(passing, b"x")
    key(passing, b"\x7f", b"\b\x1b[K")
    passing.client(b"\r")
    assert not passing.asked and sent(passing) == b"\rx\x7f\r"


def test_history_and_completion_are_read_from_the_screen_c3() -> None:
    """C3: keys that bring lines back or complete them."""
    passing = shell()
    key(passing, b"\x1b[A", b"rm -rf x")
    passing.client(b"\r")
    assert asked(passing) == ["rm -rf x"]
    passing.target(b"\r\n" + PROMPT)
    key(passing, b"sys")
    key(passing, b"\t", b"temctl ")
    key(passing, b"stop db")
    passing.client(b"\r")
    assert asked(passing)[1] == "systemctl stop db"
    assert {"systemctl"} in [each["program"] for each in passing.asked[1].facts]


def test_a_search_is_read_from_the_screen() -> None:
    passing = shell()
    key(passing, b"\x12", b"\r\x1b[K(reverse-i-search)`': ")
    key(passing, b"rm", b"\r\x1b[K(reverse-i-search)`rm': rm -rf x")
    passing.client(b"\r")
    assert asked(passing) == ["rm -rf x"]


def test_an_enter_waits_for_its_echo() -> None:
    passing = shell()
    passing.client(b"ls\r")
    assert sent(passing) == b"ls" and not passing.asked and passing.judge.waiting  # type: ignore[attr-defined]
    passing.target(b"l")
    assert not passing.asked
    passing.target(b"s")
    assert (asked(passing), sent(passing)) == (["ls"], b"\r")
    assert not passing.judge.waiting  # type: ignore[attr-defined]


def idle(passing: Passing) -> None:
    assert isinstance(passing.judge, TerminalJudge)
    passing._carry(passing.judge.idle())


def test_a_password_is_no_line_in_the_recording_r11() -> None:
    """R11: what is not echoed is judged and not kept, stars and all."""
    passing = Passing(judge())
    passing.target(b"[sudo] password for word: ")
    passing.client(b"word\r")
    idle(passing)
    assert (asked(passing), sent(passing)) == ([NOT_ECHOED], b"word\r")
    passing.target(b"\r\nPIN: ")
    for _ in range(4):
        key(passing, b"7", b"*")
    passing.client(b"\r")
    idle(passing)
    assert asked(passing)[1] == "****"
    assert {"7777"} in [each["program"] for each in passing.asked[1].facts]


def test_a_paste_of_many_lines_c3() -> None:
    """C3: each line is asked for by itself, and none leaves before the one in front of it was let through."""
    passing = shell(waiting="two")
    passing.client(b"echo one\rrm two\recho three\r")
    assert sent(passing) == b"echo one"
    passing.target(b"echo one")
    assert sent(passing) == b"\rrm two"
    passing.target(b"\r\none\r\n" + PROMPT + b"rm two")
    assert (asked(passing), sent(passing)) == (["echo one", "rm two"], b"")
    passing.answer()
    assert sent(passing) == b"\recho three"
    idle(passing)
    assert asked(passing)[2] == NOT_ECHOED and {"echo"} == passing.asked[2].facts[0]["program"]


def test_a_bracketed_paste_waits_for_no_echo() -> None:
    """Line editors show it when it is whole."""
    passing = shell()
    passing.client(b"\x1b[200~echo one\necho two\x1b[201~\r")
    assert asked(passing) == ["echo one"]
    passing.target(b"echo one\r\necho two")
    assert asked(passing) == ["echo one", "echo two"]


def test_ctrl_c_and_typing_again_c3() -> None:
    """C3: what was given up is not taken for the line that follows, nor the other way round."""
    passing = shell()
    key(passing, b"rm x")
    key(passing, b"\x03", b"^C\r\n" + PROMPT)
    key(passing, b"ls")
    passing.client(b"\r")
    assert asked(passing) == ["ls"]


def test_several_commands_in_a_line_c3() -> None:
    """C3: `ls;rm x` is two commands."""
    passing = shell()
    key(passing, b"ls;rm x")
    passing.client(b"\r")
    assert [each["program"] for each in passing.asked[0].facts] == [{"ls"}, {"rm"}]


def test_what_may_not_be_recorded_is_hidden_m12() -> None:
    """M12: in the text of the line, before anybody sees it."""
    hidden = TerminalJudge(facts, hide=lambda text: text.replace("4111111111111111", "*****"))
    passing = Passing(hidden)
    passing.target(PROMPT)
    key(passing, b"pay 4111111111111111")
    passing.client(b"\r")
    assert asked(passing) == ["pay *****"]


def test_an_escape_key_alone_is_sent() -> None:
    passing = shell()
    passing.client(b"\x1b")
    assert sent(passing) == b"\x1b"
    passing.client(b"\x1b[")
    assert sent(passing) == b""
    idle(passing)
    assert sent(passing) == b"\x1b["


def test_after_a_flood_the_recording_says_that_lines_were_not_followed() -> None:
    passing = shell()
    for _ in range(300):
        passing.target(b"y\r\n" * 10_000)
    passing.to_client.clear()
    passing.target(PROMPT)
    key(passing, b"ls")
    passing.client(b"\r")
    assert [entry.kind for entry in passing.entries] == ["notice", "command"]
    assert asked(passing) == ["ls"]


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=30)), max_size=12), SIZES)
def test_every_key_reaches_the_target_in_order(pieces: list[tuple[bool, bytes]], sizes: list[int]) -> None:
    """Nothing that was admitted is lost, however keys and output are mixed and cut."""
    passing = shell()
    for client, data in pieces:
        for piece in cut(data, sizes):
            (passing.client if client else passing.target)(piece)
    for _ in range(400):
        if not passing.judge.held_back():
            break
        idle(passing)
    assert bytes(passing.to_target) == b"".join(data for client, data in pieces if client)
    assert bytes(passing.to_client) == b"".join(data for client, data in pieces if not client)


class Person:
    """Somebody at a real shell on a real terminal, with the judge in between."""

    def __init__(self, descriptor: int, passing: Passing) -> None:
        self._descriptor = descriptor
        self.passing = passing
        self.seen = b""

    def types(self, data: bytes) -> None:
        self.passing.client(data)
        self._move()

    def waits_for(self, text: bytes) -> None:
        """Until the terminal shows it, from where it was last looked at."""
        deadline = time.monotonic() + 60
        while text not in self.seen:
            assert time.monotonic() < deadline, self.seen[-500:]
            ready = select.select([self._descriptor], [], [], 0.1)[0]
            if ready:
                self.passing.target(os.read(self._descriptor, 65536))
            else:
                idle(self.passing)
            self._move()
        self.seen = self.seen[self.seen.index(text) + len(text) :]

    def waits_for_silence(self) -> None:
        """Until the terminal echoes nothing of a whole line: what was typed before that would be seen."""
        deadline = time.monotonic() + 60
        while termios.tcgetattr(self._descriptor)[3] & (termios.ECHO | termios.ICANON) != termios.ICANON:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _move(self) -> None:
        self.seen += bytes(self.passing.to_client)
        self.passing.to_client.clear()
        data = sent(self.passing)
        if data:
            os.write(self._descriptor, data)


@contextmanager
def bash(denied: tuple[str, ...] = ()) -> Iterator[Person]:
    child, descriptor = pty.fork()
    if child == 0:
        environment = {**os.environ, "TERM": "xterm", "PS1": "me@box:~$ ", "HISTFILE": "/dev/null"}
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environment)
    try:
        person = Person(descriptor, Passing(judge(), gate(denied)))
        person.waits_for(PROMPT)
        yield person
    finally:
        os.close(descriptor)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_real_shell() -> None:
    """bash with readline: what is typed, completed, brought back and refused."""
    with bash(denied=("touch",)) as person:
        person.types(b"echo he''llo\r")
        person.waits_for(b"\rhello\r\n")
        person.waits_for(PROMPT)
        person.types(b"ech")
        person.waits_for(b"ech")
        person.types(b"\t")
        person.waits_for(b"o ")
        person.types(b"f''oo\r")
        person.waits_for(b"\rfoo\r\n")
        person.waits_for(PROMPT)
        person.types(b"\x1b[A")
        person.waits_for(b"echo f''oo")
        person.types(b"\r")
        person.waits_for(b"\rfoo\r\n")
        person.waits_for(PROMPT)
        person.types(b"touch /nowhere/x\r")
        person.waits_for(b"hoop: refused by rule")
        person.waits_for(PROMPT)
        person.types(b"read -s secret\r")
        person.waits_for(b"\r\n")
        person.waits_for_silence()
        person.types(b"hunter2\r")
        person.waits_for(PROMPT)
        person.types(b"echo ${#secret}\r")
        person.waits_for(b"\r7\r\n")
        lines = asked(person.passing)
        assert lines == [
            "echo he''llo", "echo f''oo", "echo f''oo", "touch /nowhere/x", "read -s secret", NOT_ECHOED,
            "echo ${#secret}",
        ]  # fmt: skip
        assert "hunter2" not in str(person.passing.entries)


@pytest.mark.parametrize(
    "shown", [b"\x1b[?1049h", b"\x1b[8m", b"\x1b[2J\x1b[H", b"\x1b[?25l\x1b[1;1H", b"\x1b[31m\x1b[9999b"]
)
def test_output_never_changes_enforcement_c4(shown: bytes) -> None:
    """C4: whatever the target shows, a line that was typed is judged as it was typed."""
    passing = shell(denied=())
    passing.target(shown)
    passing.client(b"rm -rf /\r")
    idle(passing)
    assert {"rm"} in [each["program"] for each in passing.asked[0].facts]
