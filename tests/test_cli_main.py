"""The `hoop` command as a whole: every command has help and an example; it starts quickly."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from twisted_hoop.cli.main import cli


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    found: list[tuple[tuple[str, ...], click.Command]] = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append(((*path, name), command))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


def test_every_command_has_help_and_an_example() -> None:
    everything = commands(cli)
    assert {path[0] for path, _ in everything} >= {"approvals", "config", "whoami", "account-token", "scram-verifier"}
    for path, command in everything:
        result = CliRunner().invoke(cli, [*path, "--help"])
        assert result.exit_code == 0, path
        assert (command.help or "").strip(), path
        if path[0] not in ("sessions", "verify") or len(path) == 1:
            assert re.search(rf"^\s+.*hoop {' '.join(path)}", result.output, re.MULTILINE), path


def test_usage_errors_are_2() -> None:
    for arguments in (["nonsense"], ["approvals", "show"], ["approvals", "list", "--state", "x"], ["--nonsense"]):
        assert CliRunner().invoke(cli, arguments).exit_code == 2


def test_the_version() -> None:
    result = CliRunner().invoke(cli, ["--version"])
    assert result.exit_code == 0 and re.search(r"\d+\.\d+", result.output)


def test_it_starts_without_what_it_does_not_need() -> None:
    """Start-up stays short because nothing heavy is imported: no reactor, database, validation or tables."""
    code = (
        "import sys; from twisted_hoop.cli.main import cli; from click.testing import CliRunner\n"
        "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
        "heavy = {'twisted.internet', 'sqlalchemy', 'pydantic', 'rich.console', 'alembic', 'cryptography', 'ssl'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]", result.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    result = CliRunner().invoke(cli, [], prog_name="hoop", env={"_HOOP_COMPLETE": f"{shell}_source"})
    assert result.exit_code == 0 and "hoop" in result.output
