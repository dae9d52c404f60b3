"""`hoop sessions`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from twisted.internet.task import Clock

from tests.support.recordings import STARTED, command, now, outcome, recorded, recorder, session
from twisted_hoop.cli.sessions import sessions
from twisted_hoop.model import Outcome


@pytest.fixture
def state(tmp_path: Path) -> Path:
    clock = Clock()
    recording = recorder(tmp_path, clock).open(session("session-0001"))
    recording.write(command("select 1"))
    clock.advance(4)
    recording.write(outcome())
    now(recording.close(Outcome("closed")))
    recorded(tmp_path, command("drop table x", decision="deny"), name="session-0002", started=STARTED + 60)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(sessions, list(arguments), env={"COLUMNS": "160"}, catch_exceptions=False)


def test_list(state: Path) -> None:
    result = run("list", "--state", str(state))
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert [line.split()[0] for line in lines] == ["session", "session-0002", "session-0001"]
    assert "alice via agent-7" in lines[1]
    assert "2026-11-22 07:01:00+00:00" in lines[1]


def test_list_as_json_with_a_limit(state: Path) -> None:
    result = run("list", "--state", str(state), "--json", "--limit", "1")
    (row,) = map(json.loads, result.output.splitlines())
    assert (row["id"], row["count"], row["outcome"]) == ("session-0002", 1, "closed")
    assert run("list", "--state", str(state), "--json", "--target", "other").output == ""


def test_show(state: Path) -> None:
    result = run("show", "session-0001", "--state", str(state))
    assert result.exit_code == 0
    assert "who  alice via agent-7" in result.output
    assert "select 1" in result.output


def test_replay_and_json(state: Path) -> None:
    assert "drop table x" in run("replay", "session-0002", "--state", str(state)).output
    found = [
        json.loads(line) for line in run("replay", "session-0001", "--state", str(state), "--json").output.splitlines()
    ]
    assert [entry["kind"] for entry in found] == ["open", "command", "outcome", "close"]


def test_speed_paces_the_replay(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("twisted_hoop.cli.sessions.time.sleep", pauses.append)
    assert run("replay", "session-0001", "--state", str(state), "--speed", "2").exit_code == 0
    assert pauses == [2.0]
    pauses.clear()
    run("replay", "session-0001", "--state", str(state))
    assert pauses == []


def test_the_folder_itself_may_be_named(state: Path) -> None:
    assert run("list", "--state", str(state / "recordings")).exit_code == 0


def test_what_cannot_be_found(state: Path, tmp_path: Path) -> None:
    result = run("show", "session-0009", "--state", str(state))
    assert (result.exit_code, result.output) == (1, "hoop: there is no recording session-0009\n")
    assert run("list", "--state", str(tmp_path / "nowhere")).exit_code == 2


def test_damage_is_told_after_what_is_good(state: Path) -> None:
    path = state / "recordings/2026/11/22/session-0001.hoop"
    path.write_bytes(path.read_bytes()[:-10])
    result = run("replay", "session-0001", "--state", str(state))
    assert result.exit_code == 1
    assert "select 1" in result.output
    assert "ends inside a frame" in result.output
