"""`hoop account-token` and `hoop scram-verifier`."""

from __future__ import annotations

import hashlib
import json
import tomllib

import pytest
from click.testing import CliRunner

from twisted_hoop.cli.main import cli
from twisted_hoop.settings import AccountSection


def test_a_token_and_the_block_that_knows_it() -> None:
    result = CliRunner().invoke(cli, ["account-token", "ci-bot", "--group", "ci", "--group", "x"])
    assert result.exit_code == 0
    token = result.stdout.strip()
    block = result.stderr[result.stderr.index("[[accounts]]") :]
    account = AccountSection.model_validate(tomllib.loads(block)["accounts"][0])
    assert account.token_sha256 == hashlib.sha256(token.encode()).hexdigest() and account.groups == ["ci", "x"]
    assert token not in result.stderr and len(token) > 40


def test_tokens_differ_and_come_as_json() -> None:
    made = [json.loads(CliRunner().invoke(cli, ["account-token", "a", "--json"]).output) for _ in range(2)]
    assert made[0]["token"] != made[1]["token"] and made[0]["token_sha256"] in made[0]["configuration"]


@pytest.mark.parametrize("name", ["", "a b", 'a"', "a\n", "x" * 64, "-a"])
def test_names_that_break_the_file_are_refused(name: str) -> None:
    assert CliRunner().invoke(cli, ["account-token", "--", name]).exit_code == 2


def test_a_verifier_of_a_password_from_standard_input() -> None:
    result = CliRunner().invoke(cli, ["scram-verifier"], input="pencil\n")
    assert result.exit_code == 0 and result.output.startswith("SCRAM-SHA-256$4096:")
    other = CliRunner().invoke(cli, ["scram-verifier", "--json", "--iterations", "5000"], input="pencil")
    assert json.loads(other.output)["scram"].startswith("SCRAM-SHA-256$5000:")
    assert "pencil" not in result.output + other.output


def test_an_empty_password_is_refused() -> None:
    assert CliRunner().invoke(cli, ["scram-verifier"], input="\n").exit_code == 2
