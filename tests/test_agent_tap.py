"""`twistd hoop-agent` as a command."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.source import REPOSITORY
from twisted_hoop.agent_tap import Options


def run(folder: Path, *options: str, **environ: str) -> tuple[int, str]:
    """Run it to its end: status and everything it said."""
    twistd = str(Path(sys.executable).parent / "twistd")
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), "PYTHONDONTWRITEBYTECODE": "1", **environ}
    command = [sys.executable, twistd, "-n", "--pidfile=", "hoop-agent", *options]
    ran = subprocess.run(command, env=given, cwd=folder, capture_output=True, text=True, timeout=90)
    return ran.returncode, ran.stdout + ran.stderr


def test_options() -> None:
    options = Options()  # type: ignore[no-untyped-call]
    options.parseOptions(["--config", "x.toml", "--log", "text"])  # type: ignore[no-untyped-call]
    assert options["config"] == "x.toml" and options["log-level"] == "info"


def test_it_says_what_is_wrong(tmp_path: Path) -> None:
    status, said = run(tmp_path)
    assert status and "nothing says what this agent is" in said
    status, said = run(tmp_path, HOOP_AGENT="name=office gateway=http://x allow=db:1")
    assert status and "HOOP_AGENT: agent.gateway: write tls://" in said
    (tmp_path / "agent.toml").write_text("[agent]\nname = 5\n")
    status, said = run(tmp_path, "--config", str(tmp_path / "agent.toml"))
    assert status and "agent.toml:2: agent.name" in said
