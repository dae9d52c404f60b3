"""A click group whose commands are imported when they are asked for: `hoop` starts in the time click takes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """`lazy` names commands: name → "module:attribute"."""

    def __init__(self, *arguments: Any, lazy: dict[str, str] | None = None, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Sorted names, for help and completion."""
        return sorted({*super().list_commands(ctx), *self._lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._lazy[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command
