"""Commands imported when they are asked for."""

from __future__ import annotations

import click
from click.testing import CliRunner

from twisted_hoop.cli.lazy import LazyGroup


def test_commands_are_imported_when_used() -> None:
    group = LazyGroup("g", lazy={"gone": "no.such.module:x", "whoami": "twisted_hoop.cli.whoami:whoami"})

    @group.command()
    def here() -> None:
        click.echo("here")

    context = click.Context(group)
    assert group.list_commands(context) == ["gone", "here", "whoami"]
    assert CliRunner().invoke(group, ["here"]).output == "here\n"
    assert CliRunner().invoke(group, ["whoami", "--help"]).exit_code == 0
    assert isinstance(CliRunner().invoke(group, ["gone"]).exception, ModuleNotFoundError)
    assert group.get_command(context, "other") is None
