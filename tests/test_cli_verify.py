"""`hoop verify`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.recordings import command, recorded, split
from twisted_hoop.cli.verify import verify


@pytest.fixture
def path(tmp_path: Path) -> Path:
    recorded(tmp_path / "state", command(), name="session-0002")
    return recorded(tmp_path / "state", command("select 1"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(verify, [str(argument) for argument in arguments], catch_exceptions=False)


def test_files_with_a_public_key_alone(tmp_path: Path, path: Path) -> None:
    result = run(path, "--public-key", tmp_path / "state" / "recording.pub")
    assert result.exit_code == 0
    assert "ok       " in result.output
    assert "1 of 1 recordings verify" in result.output


def test_a_state_folder(tmp_path: Path, path: Path) -> None:
    result = run("--state", tmp_path / "state")
    assert result.exit_code == 0
    assert "ledger   4 lines, head " in result.output
    path.unlink()
    result = run("--state", tmp_path / "state")
    assert result.exit_code == 1
    assert "PROBLEM  2026/11/22/session-0001.hoop: the ledger knows it" in result.output
    assert "NOT EVERYTHING IS WELL" in result.output


def test_damage_names_the_byte(tmp_path: Path, path: Path) -> None:
    data = path.read_bytes()
    at = len(b"".join(split(data)[:2])) + 60
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    result = run(path, "--state", tmp_path / "state", "--json")
    assert result.exit_code == 1
    found, summary = map(json.loads, result.output.splitlines())
    assert not found["ok"]
    assert 0 < found["offset"] < at
    assert summary["ok"] is False
    assert f"the frame at byte {found['offset']} was changed" in run(path, "--state", tmp_path / "state").output


def test_usage(tmp_path: Path, path: Path) -> None:
    assert run().exit_code == 2
    assert run(path).exit_code == 2
    (tmp_path / "bad.pub").write_text("x")
    assert run(path, "--public-key", tmp_path / "bad.pub").exit_code == 2
