"""`hoop secrets check`: every reference is followed, and no value is seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support import vault as support
from tests.support.postgres import Server
from twisted_hoop.cli.main import cli

_REPOSITORY = Path(__file__).parent.parent
_TARGET = (
    '[[targets]]\nname = "{}"\nprotocol = "postgres"\nendpoint = "tcp:127.0.0.1:1"\ndatabase = "x"\ngroups = ["*"]\n'
)


def check(folder: Path, text: str, *more: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, with nothing of ours in its environment."""
    file = folder / "hoop.toml"
    file.write_text(f'[gateway]\nstate = "{folder}/state"\n{text}')
    program = [sys.executable, "-c", "from twisted_hoop.cli.main import main; main()", "secrets", "check", str(file)]
    usual = {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(_REPOSITORY)}
    return subprocess.run([*program, *more], env={**usual, **environ}, capture_output=True, text=True, timeout=120)


def test_what_can_be_had_and_what_cannot(tmp_path: Path, postgres: Server) -> None:
    (tmp_path / "db").write_text("hunter2-file")
    (tmp_path / "db").chmod(0o600)
    text = "".join(
        _TARGET.format(f"t{number}") + line + "\n"
        for number, line in enumerate(
            (
                'login = "a"\nsecret = "env:DB"',
                'login = "a"\nsecret = "file:db"',
                'login = "a"\nsecret = "vault:secret/shop#password"',
                'secret = "vault:database/creds/shop"',
                'login = "a"\nsecret = "env:MISSING"',
                'login = "a"\nsecret = "vault:secret/shop#nothing"',
                'secret = "vault:database/creds/none"',
            )
        )
    )
    (tmp_path / "vault").mkdir()
    with support.running_vault(tmp_path / "vault") as vault:
        support.enable_database(vault, postgres)
        vault.put("shop", password="hunter2-vault")
        environ = {"DB": "hunter2-env", "VAULT_ADDR": vault.address, "VAULT_TOKEN": vault.token}
        told = check(tmp_path, text, "--json", **environ)
        plain = check(tmp_path, text, **environ)
        left = json.loads(vault.call("GET", "sys/leases/count?type=irrevocable"))["data"]["lease_count"]
        made = postgres.run("select rolname from pg_roles where rolname like 'v-token-shop-%'")
    found = json.loads(told.stdout)
    assert told.returncode == plain.returncode == 1 and not found["ok"], told.stderr
    assert [each["ok"] for each in found["references"]] == [True] * 4 + [False] * 3
    assert found["references"][4]["problem"] == "environment variable MISSING is not set"
    assert "has no field nothing" in plain.stdout and "targets.6.secret" in plain.stdout
    assert "hunter2" not in told.stdout + told.stderr + plain.stdout + plain.stderr
    assert left == 0 and made == [], "log-ins that were made were given back"


def test_rights_that_sessions_need_later_are_tried_now(tmp_path: Path, postgres: Server) -> None:
    """A policy that lets log-ins be made but not renewed would end every session at two thirds of its lease."""
    (tmp_path / "vault").mkdir()
    with support.running_vault(tmp_path / "vault") as vault:
        support.enable_database(vault, postgres)
        vault.call("PUT", "sys/policies/acl/half", {"policy": 'path "database/creds/*" { capabilities = ["read"] }'})
        made = json.loads(vault.call("POST", "auth/token/create", {"policies": ["half"], "no_default_policy": True}))
        environ = {"VAULT_ADDR": vault.address, "VAULT_TOKEN": made["auth"]["client_token"]}
        text = _TARGET.format("a") + 'secret = "vault:database/creds/shop"\n'
        told = check(tmp_path, text, **environ)
        assert told.returncode == 1 and "a lease: it cannot be had: status 403" in told.stdout
        vault.call("POST", "auth/token/revoke", {"token": made["auth"]["client_token"]})


def test_nothing_to_follow_is_well(tmp_path: Path) -> None:
    done = check(tmp_path, "")
    assert done.returncode == 0 and done.stdout.split() == ["key", "scheme", "result"]


def test_a_file_with_problems_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "hoop.toml"
    file.write_text(_TARGET.format("a") + 'login = "a"\nsecret = "hunter2"\n')
    done = CliRunner().invoke(cli, ["secrets", "check", str(file)])
    assert done.exit_code == 1 and "targets.0.secret" in done.output and "hunter2" not in done.output


@pytest.mark.parametrize("arguments", [[], ["--help"], ["check", "--help"]])
def test_help(arguments: list[str]) -> None:
    assert "secret" in CliRunner().invoke(cli, ["secrets", *arguments]).output.lower()
