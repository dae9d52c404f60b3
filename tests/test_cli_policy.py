"""`hoop policy explain` says what the gateway's own rules say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from twisted_hoop.cli.main import cli

TOML = """
[[targets]]
name = "shop"
protocol = "postgres"
endpoint = "tcp:127.0.0.1:5432"
groups = ["ci"]
tls = "disable"
login = "app"
database = "shop"
[[targets]]
name = "web-1"
protocol = "ssh"
endpoint = "tcp:127.0.0.1:22"
groups = ["ci"]
host_keys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFVKkoUSDVuJRayMWnBPQQYVDMpK02PTKrzr1ZeBRpLp"]
login = "deploy"
secret = "env:WEB"
[[rules]]
name = "no-drop"
effect = "deny"
statements = ["drop"]
reason = "tables stay"
[[rules]]
name = "deletes"
effect = "review"
statements = ["delete"]
approvers = ["dba"]
[[rules]]
name = "reads"
effect = "allow"
classes = ["read"]
[[rules]]
name = "services"
effect = "review"
programs = ["systemctl"]
flags = ["privileged"]
approvers = ["ops"]
[[rules]]
name = "look"
effect = "allow"
programs = ["ls", "cat", "sudo"]
[[masks]]
name = "pci"
columns = ['.*\\.card']
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hoop.toml"
    path.write_text(TOML)
    return path


def ask(file: Path, sql: str, *options: str) -> tuple[int, dict[str, object]]:
    result = CliRunner().invoke(cli, ["policy", "explain", str(file), "shop", sql, "--json", *options])
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.parametrize(
    ("sql", "effect", "rule", "code"),
    [
        ("select card from customers", "allow", "reads", 0),
        ("drop table customers", "deny", "no-drop", 1),
        ("delete from customers where id = 1", "review", "deletes", 1),
        ("not sql at all", "deny", "", 1),
    ],
)
def test_each_effect(file: Path, sql: str, effect: str, rule: str, code: int) -> None:
    exit_code, answer = ask(file, sql, "--group", "ci")
    assert (exit_code, answer["effect"]) == (code, effect)
    assert not rule or answer["rule"] == rule
    assert answer["masks"] == ["pci"]
    assert answer["trace"]


def test_a_target_that_is_not_open_denies_whatever_the_rules_say(file: Path) -> None:
    exit_code, answer = ask(file, "select 1", "--group", "others")
    assert (exit_code, answer["effect"], answer["opens"]) == (1, "deny", "deny")


def test_people_get_lines(file: Path) -> None:
    result = CliRunner().invoke(cli, ["policy", "explain", str(file), "shop", "drop table x", "--group", "ci"])
    assert result.exit_code == 1
    assert "tables stay" in result.stdout and "no-drop" in result.stdout


def test_an_unknown_target_is_a_mistake_of_use(file: Path) -> None:
    result = CliRunner().invoke(cli, ["policy", "explain", str(file), "nowhere", "select 1"])
    assert result.exit_code == 2 and "no target" in result.output


@pytest.mark.parametrize(
    ("text", "effect", "rule", "code"),
    [
        ("ls -l | cat", "allow", "look", 0),
        ("sudo systemctl restart nginx", "review", "services", 1),
        ("ls; rm x", "deny", "", 1),
        ("$x", "deny", "", 1),
        ("", "deny", "", 1),
    ],
)
def test_commands_of_an_ssh_target(file: Path, text: str, effect: str, rule: str, code: int) -> None:
    result = CliRunner().invoke(cli, ["policy", "explain", str(file), "web-1", text, "--json", "--group", "ci"])
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["effect"]) == (code, effect)
    assert not rule or answer["rule"] == rule
    assert answer["facts"][0]["class"] and answer["trace"]
