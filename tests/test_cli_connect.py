"""`hoop targets`, `hoop dsn`, `hoop psql`."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.support.api import Api
from tests.support.loop import Loop
from tests.support.web import running_web
from twisted_hoop.cli.main import cli


def run(api: Api, who: str, *arguments: str) -> Result:
    environment = {"HOOP_URL": api.url, "HOOP_TOKEN": api.token(who)}
    return CliRunner().invoke(cli, list(arguments), env=environment)


def test_targets(api: Api) -> None:
    said = run(api, "alice", "targets")
    assert said.exit_code == 0 and "hoop.example:5432" in said.output and "vault" not in said.output
    names = [each["name"] for each in json.loads(run(api, "bob", "targets", "--json").output)]
    assert names == ["vault", "web-1"]


def test_dsn(api: Api) -> None:
    plain = "host=hoop.example dbname=shop port=5432 user=Alice sslmode=verify-full sslrootcert=system\n"
    assert run(api, "alice", "dsn", "shop").output == plain
    uri = run(api, "alice", "dsn", "shop", "--database", "r e", "--uri").output
    assert uri == "postgresql://Alice@hoop.example:5432/shop%2Fr%20e?sslmode=verify-full&sslrootcert=system\n"


@pytest.mark.parametrize("target", ["vault", "nowhere", "web-1"])
def test_what_is_not_open_has_no_dsn(api: Api, target: str) -> None:
    said = run(api, "alice", "dsn", target)
    assert said.exit_code == 1 and target in said.output


def test_psql_is_given_the_token_but_not_as_an_argument(api: Api, tmp_path: Path) -> None:
    """R11: arguments are seen by others on the machine."""
    program = tmp_path / "psql"
    program.write_text('#!/bin/sh\necho "$@"; echo "password $PGPASSWORD"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    import subprocess
    import sys

    token = api.token("alice")
    environment = {**os.environ, "HOOP_URL": api.url, "HOOP_TOKEN": token, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, "-m", "twisted_hoop.cli", "psql", "shop", "-c", "select 1", "--csv"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    arguments, password = done.stdout.splitlines()
    assert arguments.startswith("host=hoop.example dbname=shop") and arguments.endswith("-c select 1 --csv")
    assert token not in arguments and password == f"password {token}"


def test_r11_the_token_is_not_sent_in_the_clear(loop: Loop, tmp_path: Path) -> None:
    """R11, K13: where a listener has no TLS, libpq would give the token to whoever is on the way."""
    program = tmp_path / "psql"
    program.write_text("#!/bin/sh\necho must not run\n")
    program.chmod(0o755)
    place = {"host": "db.example", "port": 5432, "tls": False, "auth": ["token"]}
    target = {"name": "shop", "protocol": "postgres", "login": "", "labels": {}, "listeners": [place]}
    with running_web(loop) as web:
        web.answers["/v1/targets"] = json.dumps({"targets": [target]}).encode()
        web.answers["/v1/whoami"] = json.dumps({"name": "a\tsslmode=disable", "subject": "alice"}).encode()
        environment = {"HOOP_URL": web.url, "HOOP_TOKEN": "t", "PATH": str(tmp_path)}
        said = CliRunner().invoke(cli, ["psql", "shop"], env=environment)
        assert said.exit_code == 1 and "without TLS" in said.output
        # A name is one value, whatever stands in it.
        assert "user='a\tsslmode=disable'" in CliRunner().invoke(cli, ["dsn", "shop"], env=environment).output
