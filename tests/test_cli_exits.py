"""Exit codes."""

from __future__ import annotations

import click
from click.testing import CliRunner

from twisted_hoop.cli.exits import UNREACHABLE, CommandFailed


def test_a_failed_command_says_so_on_stderr() -> None:
    @click.command()
    def fails() -> None:
        raise CommandFailed("no \x1b[2J", UNREACHABLE)

    result = CliRunner().invoke(fails)
    assert result.exit_code == 3 and result.stderr == "hoop: no \\u{1B}[2J\n" and result.stdout == ""
