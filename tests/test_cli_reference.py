"""The page about the command is made from the command."""

from __future__ import annotations

from pathlib import Path

import click

from twisted_hoop.cli.main import cli
from twisted_hoop.cli.reference import reference

PAGE = Path(__file__).parent.parent / "docs/reference/cli.md"


def test_the_page_is_what_the_commands_say() -> None:
    """Otherwise: `python -m twisted_hoop.cli.reference > docs/reference/cli.md`."""
    assert PAGE.read_text() == reference()


def test_every_command_and_option_is_on_the_page() -> None:
    text, waiting, seen = reference(), [("hoop", cli)], 0
    while waiting:
        name, command = waiting.pop()
        assert f"# {name}\n" in text or name == "hoop"
        assert all(f"`{each.opts[0]}" in text for each in command.params if isinstance(each, click.Option))
        assert command.help, f"{name} has no help"
        seen += 1
        if isinstance(command, click.Group):
            context = click.Context(command)
            found = ((f"{name} {word}", command.get_command(context, word)) for word in command.list_commands(context))
            waiting += [(word, each) for word, each in found if each is not None]
    assert seen > 40
