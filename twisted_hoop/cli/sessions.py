"""`hoop sessions`: list, show and replay recordings."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from twisted_hoop.cli.sources import Source

# The recording room and rich are imported inside the functions: `hoop --help` must not wait for them.

MAX_PAUSE = 10.0
"""Longest pause of a replay, in seconds as shown."""

Function = TypeVar("Function", bound=Callable[..., Any])


def _options(function: Function) -> Function:
    """What every command here takes."""
    function = click.option("--json", "as_json", is_flag=True, help="Print JSON lines.")(function)
    return click.option(
        "--state",
        envvar="HOOP_STATE",
        type=click.Path(file_okay=False, path_type=Path),
        help="State folder of a gateway on this machine, to read its files instead of asking its API.",
    )(function)


@click.group()
def sessions() -> None:
    """What happened in sessions: list, show and replay their recordings.

    \b
    hoop sessions list --state /var/lib/hoop
    hoop sessions replay 4f1c… --speed 2

    Exit codes: 0 ok, 1 no such recording or a damaged one, 2 usage.
    """


@sessions.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10000), help="How many.")
@click.option("--target", default="", help="Only sessions with this target.")
@click.option("--subject", default="", help="Only sessions of this subject.")
@_options
@click.pass_context
def list_command(context: click.Context, limit: int, target: str, subject: str, state: Path, as_json: bool) -> None:
    """List sessions, newest first."""
    with _told():
        rows = _source(context, state).recent(limit, target, subject)
    if as_json:
        for row in rows:
            _print_json(row)
    else:
        _print_table(rows)


@sessions.command("show")
@click.argument("session")
@_options
@click.pass_context
def show(context: click.Context, session: str, state: Path, as_json: bool) -> None:
    """Show who did what in SESSION: the summary, then every entry (--json: the entries as they were written)."""
    with _told():
        source = _source(context, state)
        if not as_json:
            _print_summary(source.summary(session))
        _play(source, session, 0.0, as_json)


@sessions.command("replay")
@click.argument("session")
@click.option(
    "--speed", default=0.0, show_default=True, type=click.FloatRange(0), help="Times real speed; 0 does not pause."
)
@_options
@click.pass_context
def replay(context: click.Context, session: str, speed: float, state: Path, as_json: bool) -> None:
    """Replay SESSION as a timeline: commands, decisions, outcomes. What was refused is red."""
    with _told():
        _play(_source(context, state), session, speed, as_json)


def _source(context: click.Context, state: Path | None) -> Source:
    """The files when --state names them, else the API."""
    from twisted_hoop.cli.sources import LocalSource, recordings_folder

    if state is not None:
        return LocalSource(recordings_folder(state))
    raise click.UsageError("say where the recordings are: --state FOLDER")


@contextmanager
def _told() -> Iterator[None]:
    """Turn the program's own errors into a message and exit code 1."""
    from twisted_hoop.errors import HoopError
    from twisted_hoop.recording.escapes import visible

    try:
        yield
    except HoopError as error:
        raise click.ClickException(visible(str(error))) from error


def _play(source: Source, session: str, speed: float, as_json: bool) -> None:
    entries = source.entries(session)
    if as_json:
        for entry in entries:
            _print_json(entry)
        return
    from rich.console import Console

    from twisted_hoop.recording.replay import timeline

    console, last = Console(highlight=False, soft_wrap=True), 0.0
    for moment in timeline(entries):
        if speed > 0:
            time.sleep(min(max(moment.seconds - last, 0.0) / speed, MAX_PAUSE))
        last = moment.seconds
        for line in moment.lines:
            console.print(line)


def _print_json(value: dict[str, Any]) -> None:
    # ASCII: JSON leaves C1 controls and bidirectional marks in text as they are, and a terminal obeys them (R6).
    click.echo(json.dumps(value).replace("\x7f", "\\u007f"))


def _print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("session", "started", "who", "target", "state", "entries", "seconds", box=None, pad_edge=False)
    for row in rows:
        table.add_row(*_cells(row))
    Console(highlight=False, markup=False).print(table)


def _cells(row: dict[str, Any]) -> list[Any]:
    from rich.text import Text

    from twisted_hoop.recording.escapes import visible

    state = str(row.get("outcome") or row.get("state") or "")
    seconds = row.get("seconds")
    values = (
        row.get("id"),
        _when(row.get("started")),
        row.get("who"),
        row.get("target"),
        state,
        row.get("count"),
        f"{seconds:.1f}" if isinstance(seconds, float) else "",
    )
    style = "" if state in ("closed", "live") else "red"
    return [Text(visible("" if value is None else str(value)), style=style) for value in values]


def _print_summary(summary: dict[str, Any]) -> None:
    from twisted_hoop.recording.escapes import visible

    for name, value in summary.items():
        if value not in (None, "", [], ()):
            shown = _when(value) if name == "started" else value
            shown = ", ".join(map(str, shown)) if isinstance(shown, (list, tuple)) else shown
            click.echo(f"{name:>9}  {visible(str(shown))}")
    click.echo()


def _when(seconds: object) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds") if isinstance(seconds, (int, float)) else ""
