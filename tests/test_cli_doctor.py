"""`hoop doctor`, as a program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

_REPOSITORY = Path(__file__).parent.parent


def doctor(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", "from twisted_hoop.cli.main import main; main()", "doctor", "--config"]
    environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(_REPOSITORY)}
    command = [*program, "hoop.toml", *more]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120)


def test_a_table_for_people_json_for_programs_and_an_exit_code(tmp_path: Path) -> None:
    (tmp_path / "hoop.toml").write_text('[gateway]\nstate = "state"\n[recording]\nminimum_free = 1\n')
    told, plain = doctor(tmp_path, "--json"), doctor(tmp_path)
    found = json.loads(told.stdout)
    assert told.returncode == plain.returncode == 0 and found["ok"] and found["error"] == 0, told.stderr
    assert {"area", "name", "state", "what", "todo"} == set(found["findings"][0])
    assert " 0 errors" in plain.stdout and plain.stdout.count("\n") >= found["ok"]


def test_what_is_wrong_ends_with_1_and_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    (tmp_path / "state").chmod(0o755)
    (tmp_path / "hoop.toml").write_text('[gateway]\nstate = "state"\n')
    told = doctor(tmp_path)
    assert told.returncode == 1 and f"chmod 700 {tmp_path}/state" in told.stdout
    assert doctor(tmp_path / "state").returncode == 1
