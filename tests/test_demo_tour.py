"""The printed commands: whatever the folder is called, a shell and libpq read in them what was meant."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from twisted_hoop.demo.place import Place, Ports
from twisted_hoop.demo.tour import Tour, printed

PORTS = Ports(15432, 18080, 18081, 15433)
_PSQL = "#!/bin/sh\nfor word; do printf '%s\\n' \"$word\"; done\n"


@pytest.mark.parametrize("name", ["demo", "my demo", "it's", 'a"b', "a$b`c"])
def test_a_command_means_the_same_in_any_folder(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path / name)
    place.make()
    (place.tokens / "ci-bot").write_text("a token")
    shown = tmp_path / "bin"
    shown.mkdir()
    (shown / "psql").write_text(_PSQL + 'printf "%s\\n" "$PGPASSWORD"\n')
    (shown / "psql").chmod(0o755)
    monkeypatch.setenv("PATH", f"{shown}{os.pathsep}{os.environ['PATH']}")
    command = Tour(place, PORTS).psql("ci-bot", "select 'x'")
    where, option, sql, token = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True
    ).stdout.splitlines()
    assert (option, sql, token) == ("-c", "select 'x'", "a token")
    value = where.partition("sslrootcert=")[2]
    unquoted = value[1:-1].replace("\\'", "'").replace("\\\\", "\\") if value.startswith("'") else value
    assert unquoted == str(place.authority)


def test_paths_are_short_in_the_folder_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = Tour(Place(tmp_path / ".demo"), PORTS).hoop("bob", "approvals list")
    assert command.endswith("--url http://127.0.0.1:18080 --token-file .demo/tokens/bob approvals list")


def test_a_machine_without_psql_gets_one_that_speaks_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    command = Tour(Place(tmp_path), PORTS).psql("ci-bot", "select 1")
    program = next(word for word in shlex.split(command) if word.endswith("psql"))
    assert shutil.which(program)
    environment = {"PGSSLMODE": "require", "PGHOST": "127.0.0.1", "PGPORT": "9", "PGCONNECT_TIMEOUT": "2"}
    done = subprocess.run([program, "-c", "select 1"], env=environment, capture_output=True, text=True)
    assert "SSL support is not compiled in" not in done.stderr and "failed" in done.stderr


def test_the_tour_is_numbered_through(tmp_path: Path) -> None:
    text = "\n".join(printed(Tour(Place(tmp_path), PORTS).chapters()))
    assert [n for n in range(1, 19) if f"\n {n:2}  " not in text] == [] and "\n 19  " not in text
