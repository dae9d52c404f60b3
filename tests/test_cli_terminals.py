"""Recorded terminals on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from twisted.internet.task import Clock

from tests.support import recordings
from tests.support.recordings import recorder, session
from twisted_hoop.cli.sessions import sessions
from twisted_hoop.cli.terminals import find_terminal
from twisted_hoop.model import Entry, Outcome
from twisted_hoop.recording.streams import stream_entry

TERMINAL = {"term": "xterm", "columns": 80, "rows": 24}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    clock = Clock()
    place = recorder(tmp_path, clock)
    made = replace(session("session-0001"), target=replace(recordings.SHOP, protocol="ssh"))
    recording = place.open(made)
    for entry in (
        Entry("command", {"channel": 0, "action": "shell", "text": "", "decision": "allow", "terminal": TERMINAL}),
        stream_entry("output", 0, "stdout", b"$ \x1b]52;c;QUJD\x07"),
        Entry("refused", {"channel": 0, "action": "line", "text": "rm x", "decision": "deny"}),
        stream_entry("output", 0, "stdout", b"\x1b[31mrefused\x1b[0m\r\n"),
        stream_entry("output", 1, "stdout", b"other\r\n"),
    ):
        recording.write(entry)
        clock.advance(5)
    recordings.now(recording.close(Outcome("closed")))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(sessions, list(arguments), env={"COLUMNS": "160"}, catch_exceptions=False)


def test_replay_plays_the_terminal_r6(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R6: as it was seen, without what could harm the viewer, whose terminal is put right at the end."""
    pauses: list[float] = []
    monkeypatch.setattr("twisted_hoop.cli.terminals.time.sleep", pauses.append)
    result = run("replay", "session-0001", "--state", str(state))
    assert result.exit_code == 0
    assert result.output.startswith("$ \x1b[31mrefused\x1b[0m\r\n") or result.output.startswith(
        "$ \x1b[31mrefused\x1b[0m\n"
    )
    assert "]52" not in result.output and result.output.endswith("\x1b[0m\x1b(B")
    assert pauses == [3.0]  # of ten seconds
    assert run("replay", "session-0001", "--state", str(state), "--speed", "0").exit_code == 0 and len(pauses) == 1
    assert run("replay", "session-0001", "--state", str(state), "--speed", "5").exit_code == 0 and pauses[1:] == [2.0]


def test_replay_begins_where_it_is_told_to(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("twisted_hoop.cli.terminals.time.sleep", pauses.append)
    whole = run("replay", "session-0001", "--state", str(state), "--speed", "0").output
    for options, expected in (
        (("--from", "0:30"), []),
        (("--from", "0:14"), [1.0]),
        (("--find", "REFUSED"), [3.0]),
        (("--skip-idle", "0.5"), [0.5]),
    ):
        pauses.clear()
        result = run("replay", "session-0001", "--state", str(state), *options)
        assert (result.exit_code, result.output, pauses) == (0, whole, expected)
    assert run("replay", "session-0001", "--state", str(state), "--from", "soon").exit_code == 2
    nothing = run("replay", "session-0001", "--state", str(state), "--find", "nowhere")
    assert nothing.exit_code == 1 and "nowhere was not seen" in nothing.output


def test_a_timeline_shows_what_mentions_something(state: Path) -> None:
    output = run("replay", "session-0001", "--state", str(state), "--timeline", "--find", "rm x").output
    assert "rm x" in output and "other" not in output and "allow" not in output


def test_another_channel(state: Path) -> None:
    assert "other" in run("replay", "session-0001", "--state", str(state), "--channel", "1").output


def test_the_timeline_shows_streams(state: Path) -> None:
    output = run("replay", "session-0001", "--state", str(state), "--timeline").output
    assert "stdout  $ \\x1b]52;c;QUJD\\x07" in output and "rm x" in output
    assert "stdout  other" in run("show", "session-0001", "--state", str(state)).output


def test_export(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "session.cast"
    assert run("export", "session-0001", "--state", str(state), "--output", str(file)).exit_code == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0]["version"] == 3 and [line[1] for line in lines[1:]] == ["o", "m", "o"]
    text = run("export", "session-0001", "--state", str(state), "--format", "text").output
    assert text == "$ refused\n"
    kinds = [
        json.loads(line)["kind"]
        for line in run("export", "session-0001", "--state", str(state), "--json").output.splitlines()
    ]
    assert kinds[0] == "open" and kinds[-1] == "close" and len(kinds) == 7


def test_nothing_to_export(tmp_path: Path) -> None:
    recordings.recorded(tmp_path, recordings.command())
    result = run("export", "session-0001", "--state", str(tmp_path))
    assert result.exit_code == 1 and "--format jsonl" in result.output


def test_finding_a_terminal() -> None:
    assert find_terminal([{"kind": "open"}, {"kind": "terminal", "channel": 3, "columns": 1, "rows": 1}]) == 3
    assert find_terminal([{"kind": "output", "channel": 3}]) is None
