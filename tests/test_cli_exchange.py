"""`hoop token exchange`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from click.testing import CliRunner, Result

from tests.support.api import Api
from tests.support.approvals import Office
from tests.support.exchange import OTHER, Exchanging, exchanging_api
from tests.support.loop import Loop
from twisted_hoop.cli.main import cli


@pytest.fixture
def house(office: Office, loop: Loop, tmp_path: Path) -> Iterator[tuple[Exchanging, Api]]:
    with exchanging_api(office, loop, tmp_path) as both:
        yield both


def run(house: tuple[Exchanging, Api], *arguments: str, token: str | None = None) -> Result:
    door, api = house
    environment = {"HOOP_URL": api.url, "HOOP_TOKEN": door.person() if token is None else token}
    return CliRunner().invoke(cli, ["token", *arguments], env={**environment, "XDG_CONFIG_HOME": "/nonexistent"})


def claims(text: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(text.strip(), options={"verify_signature": False})
    return found


def test_a_narrower_token(house: tuple[Exchanging, Api]) -> None:
    said = run(house, "exchange", "--target", "shop", "--target", "crm", "--group", "dev", "--lifetime", "2m")
    assert said.exit_code == 0, said.output
    found = claims(said.output)
    assert found["hoop"]["targets"] == ["crm", "shop"] and found["groups"] == ["dev"]
    assert found["exp"] - found["iat"] <= 120


def test_for_an_agent(house: tuple[Exchanging, Api], tmp_path: Path) -> None:
    (tmp_path / "agent").write_text(house[0].agent() + "\n")
    said = run(house, "exchange", "--actor-token-file", str(tmp_path / "agent"), "--json")
    assert said.exit_code == 0, said.output
    assert claims(json.loads(said.output)["access_token"])["act"]["sub"] == "agent-7"


def test_for_another_service(house: tuple[Exchanging, Api]) -> None:
    assert claims(run(house, "exchange", "--audience", OTHER).output)["aud"] == OTHER


def test_refusals_are_said(house: tuple[Exchanging, Api], tmp_path: Path) -> None:
    no = run(house, "exchange", "--target", "nowhere")
    assert no.exit_code == 1 and "no such target" in no.output
    assert run(house, "exchange", token="").exit_code == 4
    assert run(house, "exchange", "--lifetime", "long").exit_code == 2
    assert run(house, "exchange", "--actor-token-file", str(tmp_path / "missing")).exit_code == 2


def test_the_token_itself_as_before(house: tuple[Exchanging, Api]) -> None:
    assert run(house, token="mine").output == "mine\n"
