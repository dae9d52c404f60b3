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


def json_line(value: dict[str, Any]) -> str:
    """JSON in one line. ASCII: JSON leaves C1 controls and bidirectional marks as they are; a terminal obeys them."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def print_fields(fields: dict[str, Any]) -> None:
    """`name  value` lines; empty values are left out.

    Further lines of a value begin with a bar where names would stand: a value cannot write fields of ours (A3, R7).
    """
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        if value not in ("", None, [], ()):
            text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
            click.echo(f"{visible(name):>{width}}  {continued(text, width)}")


def continued(text: str, width: int = 0) -> str:
    """A text that is safe for a terminal, its further lines marked as such behind `width` spaces."""
    return visible(text).replace("\n", "\n" + " " * width + "| ")


def print_table(columns: tuple[str, ...], rows: list[list[str]]) -> None:
    """Columns side by side, one line a row, never wrapped or cut: lines are searched and ids are copied."""
    from rich.cells import cell_len

    cells = [list(columns), *([visible(cell).replace("\n", " ").replace("\t", " ") for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def when(seconds: Any) -> str:
    """A POSIX time in UTC, "" for none."""
    if not isinstance(seconds, (int, float)) or not seconds:
        return ""
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds")
