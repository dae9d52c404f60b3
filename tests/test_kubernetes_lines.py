"""Lines of shells in containers: asked for one by one, refused ones taken back, scripts ended."""

from __future__ import annotations

from typing import Any

from tests.support.kube_house import head_of
from tests.support.kube_streams import CARD, CARDS, Bench, channels, exec_line, message, messages, opened
from twisted_hoop.http.frames import CLOSE
from twisted_hoop.kubernetes.lines import judge_of
from twisted_hoop.kubernetes.requests import read_request
from twisted_hoop.model import Command, Decision
from twisted_hoop.shell.reader import ShellReader
from twisted_hoop.ssh.script import ScriptJudge
from twisted_hoop.ssh.terminal import TerminalJudge
from twisted_hoop.testing.fakes import ALLOWED, DENIED

TTY, PIPE = "stdin=true&stdout=true&tty=true", "stdin=true&stdout=true"


def careful(command: Command) -> Decision:
    """Nobody reads shadow."""
    paths = {path for facts in command.facts for path in facts.get("path", frozenset())}
    return DENIED if "/etc/shadow" in paths else ALLOWED


def shell(more: str, *argv: str, **options: Any) -> Bench:
    """A shell."""
    tunnel = opened(exec_line(*(argv or ("/bin/sh",)), more=more), **options)
    assert tunnel is not None
    return Bench(tunnel, careful)


def typed(it: Bench, line: bytes) -> None:
    """A line typed into a terminal that echoes."""
    for key in line:
        it.client(message("target", 0, bytes((key,))))
        if key != 13:
            it.target(message("client", 1, bytes((key,))))
    it.do(it.tunnel.tick())


def test_a_typed_line_is_asked_for_at_enter() -> None:
    """K14, K5: with the facts of the pod and of the program; recorded as a line, not key by key."""
    it = shell(TTY)
    it.target(message("client", 1, b"$ "))
    typed(it, b"cat /etc/hosts\r")
    (command,) = it.asked
    assert (command.action, command.text) == ("line", "cat /etc/hosts")
    (facts,) = command.facts
    assert facts["class"] == {"shell"} and facts["program"] == {"cat"} and facts["path"] == {"/etc/hosts"}
    assert facts["resource"] == {"pods/exec"} and facts["name"] == {"web"} and facts["namespace"] == {"default"}
    assert channels("client", it.sent) == {0: b"cat /etc/hosts\r"}
    assert [e.data["text"] for e in it.entries if e.kind == "command"] == ["cat /etc/hosts"]


def test_a_refused_line_is_taken_back() -> None:
    it = shell(TTY)
    it.target(message("client", 1, b"$ "))
    typed(it, b"cat /etc/shadow\r")
    assert (
        channels("client", it.sent)[0] == b"cat /etc/shadow\x03"
        and b"not in this test" in channels("target", it.told)[1]
    )
    assert [e.data["text"] for e in it.entries if e.kind == "refused"] == ["cat /etc/shadow"]


def test_what_follows_waits_while_somebody_is_asked() -> None:
    it = shell(TTY)
    it.patient = True
    it.target(message("client", 1, b"$ "))
    typed(it, b"ls\r")
    it.client(message("target", 0, b"more"))
    assert channels("client", it.sent)[0] == b"ls" and it.tunnel.held_back() > 0
    it.answer()
    assert channels("client", it.sent)[0] == b"ls\rmore" and it.tunnel.held_back() == 0


def test_a_script_is_judged_line_by_line_and_ends_at_a_refusal() -> None:
    it = shell(PIPE)
    it.client(message("target", 0, b"ls /\n\ncat /etc/shadow\nrm -rf /\n"))
    assert channels("client", it.sent)[0] == b"ls /\n\n" and it.finished
    assert b"not in this test" in channels("target", it.told)[3] and messages("target", it.told)[-1][0] == CLOSE
    assert [e.data["text"] for e in it.entries if e.kind == "refused"] == ["cat /etc/shadow"]


def test_the_end_of_a_script_follows_its_last_line() -> None:
    it = shell(PIPE)
    it.patient = True
    it.client(message("target", 0, b"ls") + message("target", 255, b"\x00"))
    assert it.sent == b""
    it.answer()
    assert channels("client", it.sent) == {0: b"ls", 255: b"\x00"}
    assert it.recorded("input", "stdin") == "ls"


def test_M12_values_are_not_recorded_in_lines() -> None:
    """M12."""
    it = shell(PIPE, masks=[CARDS])
    it.client(message("target", 0, b"grep '" + CARD + b"' x\n"))
    assert CARD.decode() not in repr([e for e in it.entries if e.kind == "command"])


def test_S21_a_terminal_without_a_size_is_followed_all_the_same() -> None:
    """S21: scripts start kubectl on terminals of 0x0."""
    it = shell(TTY)
    it.client(message("target", 4, b'{"Width":0,"Height":0}'))
    it.target(message("client", 1, b"# "))
    typed(it, b"ls\r")
    assert it.asked[0].text == "ls" and channels("client", it.sent)[4] == b'{"Width":0,"Height":0}\n'


def test_only_interactive_shells_have_lines() -> None:
    reader = ShellReader()

    def judged(line: str, terminal: bool) -> object:
        head = head_of(line)
        request = read_request(head.method, head.path, head.query)
        return judge_of(request, {}, reader, 1, terminal, str)

    assert isinstance(judged(exec_line("bash", "-l"), True), TerminalJudge)
    assert isinstance(judged(exec_line("/bin/sh"), False), ScriptJudge)
    assert judged(exec_line("sh", "-c", "ls"), True) is None and judged(exec_line("cat"), False) is None
    assert judged("GET /api/v1/namespaces/default/pods/web/attach?stdin=true", True) is None


def test_other_commands_are_not_held() -> None:
    it = shell(PIPE, "cat")
    it.client(message("target", 0, b"cat /etc/shadow\n"))
    assert it.asked == [] and channels("client", it.sent)[0] == b"cat /etc/shadow\n"
    assert it.tunnel.held_back() == 0
