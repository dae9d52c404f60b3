"""docs/reference/cli.md, made from the commands themselves: `python -m twisted_hoop.cli.reference > …`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

import click

from twisted_hoop.cli.main import cli

_HEAD = """\
# The hoop command

Made from the commands by `python -m twisted_hoop.cli.reference`: change their docstrings and help there.

`hoop` talks to a gateway's API, but for the commands that read files: `check`, `config`, `verify`, and `replay` with
`--state`. Where the gateway is and who asks stand in options before the command, or in the environment: `HOOP_URL`,
`HOOP_TOKEN`, `HOOP_TOKEN_FILE`, `HOOP_CA`; after `hoop login` neither is needed. Commands that talk to it take these
options as well.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join((_HEAD, *_command(cli, ("hoop",))))


def _command(command: click.Command, words: tuple[str, ...]) -> Iterator[str]:
    context = click.Context(command, info_name=" ".join(words))
    if len(words) > 1:
        yield f"{'#' * min(len(words), 4)} {' '.join(words)}\n"
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"```text\n{' '.join(words)} {usage}\n```\n"
    yield _about(command.help or "") + "\n"
    yield from _options(command)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None and not found.hidden:
                yield from _command(found, (*words, name))


def _about(text: str) -> str:
    """Paragraphs are joined; those click leaves as they are (`\\b`) become blocks of code."""
    parts = []
    for paragraph in inspect.cleandoc(text.partition("\f")[0]).split("\n\n"):
        if paragraph.startswith("\b\n"):
            parts.append("\n".join(f"    {line}" for line in paragraph.splitlines()[1:]))
        else:
            parts.append(" ".join(paragraph.split()).replace("<", "&lt;"))
    return "\n\n".join(parts)


def _options(command: click.Command) -> Iterator[str]:
    common = () if command is cli else {each.name for each in cli.params}
    options = [each for each in command.params if isinstance(each, click.Option) and not each.hidden]
    rows = [_row(each) for each in options if each.name not in common]
    if rows:
        yield "\n".join(("| option | meaning |", "|---|---|", *rows)) + "\n"


def _row(option: click.Option) -> str:
    value = "" if option.is_flag else f" {option.metavar or option.type.name.upper()}"
    names = ", ".join(f"`{name}{value}`" for name in (*option.opts, *option.secondary_opts))
    notes = "; required" if option.required else ""
    about = " ".join((option.help or "").split()).replace("|", "\\|").replace("<", "&lt;")
    return f"| {names} | {about}{notes} |"


if __name__ == "__main__":
    sys.stdout.write(reference())
