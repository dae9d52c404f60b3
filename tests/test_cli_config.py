"""`hoop config`."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from twisted_hoop.cli.main import cli

GOOD = """
[[accounts]]
name = "ci-bot"
token_sha256 = "{digest}"

[[targets]]
name = "shop"
protocol = "postgres"
endpoint = "tcp:db.internal:5432"
database = "shop"
login = "hoop"
"""


def write(folder: Path, text: str) -> str:
    path = folder / "hoop.toml"
    path.write_text(text)
    return str(path)


def test_a_good_file(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.format(digest="a" * 64))
    result = CliRunner().invoke(cli, ["config", "check", "--no-files", path])
    assert result.exit_code == 0 and "is well" in result.output, result.output
    shown = CliRunner().invoke(cli, ["config", "show", path])
    settings = json.loads(shown.output)
    assert settings["accounts"][0]["token_sha256"] == "(set)" and "a" * 64 not in shown.output
    assert settings["targets"][0]["connect_timeout"] == 10.0


def test_a_bad_file_names_every_problem(tmp_path: Path) -> None:
    path = write(tmp_path, 'tarets = 1\n[gateway]\nname = 1\nurl = "\x1b"\n'.replace("\x1b", "\\u001b"))
    result = CliRunner().invoke(cli, ["config", "check", path])
    assert result.exit_code == 1 and "tarets" in result.output and "gateway.name" in result.output
    assert "\x1b" not in result.output
    problems = json.loads(CliRunner().invoke(cli, ["config", "check", "--json", path]).output)
    assert problems["ok"] is False and len(problems["problems"]) >= 2
    assert CliRunner().invoke(cli, ["config", "show", path]).exit_code == 1


def test_files_it_names_are_looked_at(tmp_path: Path) -> None:
    text = GOOD.format(digest="a" * 64) + '\nca = "missing.pem"\n'
    path = write(tmp_path, text)
    assert CliRunner().invoke(cli, ["config", "check", "--no-files", path]).exit_code == 0
    result = CliRunner().invoke(cli, ["config", "check", path])
    assert result.exit_code == 1 and "missing.pem" in result.output


def test_the_schema_is_json_schema() -> None:
    result = CliRunner().invoke(cli, ["config", "schema"])
    assert result.exit_code == 0 and "properties" in json.loads(result.output)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert CliRunner().invoke(cli, ["config", "check", str(tmp_path / "none")]).exit_code == 1
