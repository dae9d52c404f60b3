"""Which options win: a command's, then `hoop`'s, then the environment's."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.support.api import Api
from twisted_hoop.cli.main import cli
from twisted_hoop.cli.options import Connection


def test_what_is_nearer_wins() -> None:
    outer = Connection("u1", "t1", "", "c1")
    assert Connection().over(outer) == outer
    assert Connection("u2", "", "file", "").over(outer) == Connection("u2", "", "file", "c1")
    assert Connection("", "t2").over(Connection("u", "", "file")) == Connection("u", "t2", "", "")


def test_tokens_come_from_options_files_and_the_environment(api: Api, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(api.token("bob") + "\n")
    wrong = {"HOOP_URL": "http://127.0.0.1:1", "HOOP_TOKEN": "wrong"}
    file = ["--token-file", str(tmp_path / "token")]
    runs = [
        (["whoami", "--url", api.url, *file], wrong),
        (["--url", api.url, *file, "whoami"], wrong),
        (["--url", "http://127.0.0.1:1", "whoami", "--url", api.url, *file], {}),
        (["whoami"], {"HOOP_URL": api.url, "HOOP_TOKEN_FILE": str(tmp_path / "token")}),
        (["whoami"], {"HOOP_URL": api.url, "HOOP_TOKEN": api.token("bob")}),
    ]
    for arguments, environment in runs:
        result = CliRunner().invoke(cli, arguments, env=environment)
        assert result.exit_code == 0 and "bob" in result.output, arguments


def test_a_token_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="token-file"):
        Connection(token_file=str(tmp_path / "none")).api()
