"""The door that twistd opens: options, the log it chooses, and what it says of a configuration that cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.python.usage import UsageError

from tests.support.config import written
from tests.support.source import REPOSITORY
from twisted_hoop.tap import Options, worker_command


def test_options_are_checked() -> None:
    options = Options()
    options.parseOptions(["--config", "x.toml", "--log", "text", "--log-level", "warn"])
    assert options["config"] == "x.toml"
    for wrong in (["--log", "xml"], ["--log-level", "loud"], ["--nothing"]):
        with pytest.raises(UsageError):
            Options().parseOptions(wrong)


@pytest.mark.parametrize(
    ("given", "before", "after"),
    [
        ([], {}, "twisted_hoop.observability.log_levels.info"),
        (["--log-level", "debug"], {}, "twisted_hoop.observability.log_levels.debug"),
        (["--log", "text"], {}, None),
        ([], {"logger": "mine"}, "mine"),
        ([], {"logfile": "x.log"}, None),
    ],
)
def test_json_is_the_log_unless_another_was_asked_for(
    given: list[str], before: dict[str, str], after: str | None
) -> None:
    options = Options()
    options.parent = dict(before)
    options.parseOptions(given)
    assert options.parent.get("logger") == after


def twistd(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "twisted", "hoop", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_a_configuration_that_cannot_be_used_is_said_line_by_line(tmp_path: Path) -> None:
    path = written(tmp_path, "[gateway]\nnonsense = 1\n[[rules]]\nname = 'x'\n")
    ran = twistd(tmp_path, "--config", str(path))
    assert ran.returncode != 0
    said = ran.stdout + ran.stderr
    assert "hoop: " in said
    assert "hoop.toml:2" in said
    assert "hoop.toml:3" in said
    assert "Traceback" not in said


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    ran = twistd(tmp_path, "--config", str(tmp_path / "nowhere.toml"))
    assert ran.returncode != 0
    assert "nowhere.toml" in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stdout + ran.stderr


def test_workers_are_started_as_their_parent_was_but_in_the_foreground() -> None:
    options = Options()
    options.parent = {"logfile": "/var/log/hoop.log"}
    options.parseOptions(["--config", "x.toml", "--log", "text"])
    command = worker_command(options)(3)
    assert command[0] == sys.executable and "-n" in command
    assert "--logfile=/var/log/hoop.log.3" in command  # rotated by itself
    assert command[command.index("hoop") :] == ["hoop", "--config", "x.toml", "--log", "text", "--log-level", "info"]
    options.parent = {"syslog": True, "prefix": "gate", "logfile": None}
    assert {"--syslog", "--prefix=gate"} <= set(worker_command(options)(0))
