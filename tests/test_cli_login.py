"""`hoop login`, `hoop token`, `hoop logout`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.api import Api
from tests.support.loop import Loop
from tests.support.web import running_web
from tests.test_cli_openid import issuer
from twisted_hoop.cli import openid
from twisted_hoop.cli.main import cli


@pytest.fixture
def run(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(openid.time, "sleep", lambda _: None)
    environment = {"HOOP_URL": api.url, "XDG_CONFIG_HOME": str(tmp_path / "config")}

    def called(*arguments: str) -> Result:
        return CliRunner().invoke(cli, list(arguments), env=environment)

    return called


def test_log_in_use_it_log_out(api: Api, loop: Loop, run: Any) -> None:
    with running_web(loop) as web:
        token = api.token("alice")
        client = issuer(web, (200, {"access_token": token}))
        said = run("login", "--issuer", client.issuer, "--client-id", "cli", "--no-browser")
        assert said.exit_code == 0 and "AB-CD" in said.output and token not in said.output
    assert run("token").output.strip() == token
    credential = json.loads(run("token", "--json").output)
    assert credential["kind"] == "ExecCredential" and credential["status"]["token"] == token
    assert credential["status"]["expirationTimestamp"].endswith("Z")
    assert json.loads(run("whoami", "--json").output)["subject"] == "alice"
    assert run("logout").exit_code == 0
    assert run("token").exit_code == 4 and run("whoami").exit_code == 4


def test_the_gateway_names_the_issuer(run: Any) -> None:
    said = run("login", "--issuer", "nobody")
    assert said.exit_code == 1 and "no such issuer" in said.output
    assert run("login").exit_code == 3  # the one it names cannot be reached from here


def test_a_token_that_is_named_wins(api: Api, run: Any) -> None:
    assert run("token", "--token", "mine").output == "mine\n"
    assert json.loads(run("token", "--token", "mine", "--json").output)["status"] == {"token": "mine"}
