"""Printing: JSON for programs, tables for people. What came from elsewhere is made safe for a terminal first (R6)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import click

from twisted_hoop.approval.shown import visible


def print_json(value: Any) -> None:
    """One JSON value. ASCII, so that no control character in it reaches the terminal."""
    click.echo(json.dumps(value, indent=2).replace("\x7f", "\\u007f"))


def print_fields(fields: dict[str, Any]) -> None:
    """`name  value` lines; empty values are left out."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        if value not in ("", None, [], ()):
            text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            click.echo(f"{name:>{width}}  {visible(text)}")


def print_table(columns: tuple[str, ...], rows: list[list[str]]) -> None:
    """A table without lines; cells are text, never markup."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(visible(cell)) for cell in row))
    Console(highlight=False, markup=False).print(table)


def when(seconds: Any) -> str:
    """A POSIX time in UTC, "" for none."""
    if not isinstance(seconds, (int, float)) or not seconds:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds")
