"""`hoop sessions`: list, show, replay and export recordings."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from twisted_hoop.cli.ending import kill
from twisted_hoop.cli.exits import CommandFailed
from twisted_hoop.cli.options import Connection, connection_options, json_option
from twisted_hoop.cli.output import json_line, print_fields, print_table, when
from twisted_hoop.cli.searching import search
from twisted_hoop.cli.watching import watch_sessions

if TYPE_CHECKING:
    from twisted_hoop.cli.sources import Source
    from twisted_hoop.recording.playing import Pace

# The recording room and rich are imported inside the functions: `hoop --help` must not wait for them.

MAX_PAUSE = 10.0
"""Longest pause of a replay, in seconds as shown."""

Function = TypeVar("Function", bound=Callable[..., Any])


def _with_source(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command that reads recordings: it is called with `source`. The program's own errors become messages."""

    @wraps(function)
    def called(*arguments: Any, state: Path | None, url: str, token: str, token_file: str, ca: str, **rest: Any) -> Any:
        outer = click.get_current_context().find_object(Connection) or Connection()
        with _told():
            source = _source(state, Connection(url, token, token_file, ca).over(outer))
            return function(*arguments, source=source, **rest)

    return _state_option(connection_options(json_option(called)))


def _state_option(function: Function) -> Function:
    return click.option(
        "--state",
        envvar="HOOP_STATE",
        type=click.Path(file_okay=False, path_type=Path),
        help="State folder (HOOP_STATE) of a gateway on this machine: read its files instead of asking the API.",
    )(function)


def _source(state: Path | None, connection: Connection) -> Source:
    from twisted_hoop.cli.sources import LocalSource, RemoteSource, local_ring, recordings_folder

    if state is not None:
        return LocalSource(recordings_folder(state), local_ring(state, os.environ))
    api = connection.api()
    return RemoteSource(api.get, api.lines)


@click.group()
def sessions() -> None:
    """What happens in sessions: list, search, watch and end them; show, replay and export their recordings.

    \b
    hoop sessions list --target shop
    hoop sessions replay 3f1c9a77e0b24d51a6c8 --speed 2
    hoop sessions show 3f1c9a77e0b24d51a6c8 --state /var/lib/hoop
    hoop sessions export 3f1c9a77e0b24d51a6c8 --format asciicast --output session.cast

    Exit codes: 0 ok, 1 no such recording or a damaged one, 2 usage, 3 not reachable, 4 not authenticated.
    """


sessions.add_command(kill)
sessions.add_command(search)
sessions.add_command(watch_sessions)


@sessions.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10000), help="How many.")
@click.option("--target", default="", help="Only sessions with this target.")
@click.option("--subject", default="", help="Only sessions of this subject.")
@click.option("--ids", is_flag=True, help="Print ids only, one a line.")
@_with_source
def list_command(source: Source, limit: int, target: str, subject: str, ids: bool, as_json: bool) -> None:
    """List sessions, newest first (--json: one object a line)."""
    rows = source.recent(limit, target, subject)
    if as_json:
        for row in rows:
            _print_json(row)
    elif ids:
        click.echo("".join(f"{row['id']}\n" for row in rows), nl=False)
    else:
        print_table(
            ("session", "started", "who", "target", "state", "entries", "seconds"), [_cells(row) for row in rows]
        )


@sessions.command("show")
@click.argument("session")
@_with_source
def show(source: Source, session: str, as_json: bool) -> None:
    """Show who did what in SESSION: the summary, then every entry (--json: the entries, one a line, as written)."""
    if not as_json:
        summary = source.summary(session)
        print_fields({**summary, "started": when(summary.get("started"))})
        click.echo()
    _play(source, session, _pace(0.0, 0.0, "0"), as_json)


@sessions.command("replay")
@click.argument("session")
@click.option(
    "--speed", type=click.FloatRange(0), help="Times real speed; 0 does not pause. Default: 1 for a terminal, else 0."
)
@click.option("--skip-idle", type=click.FloatRange(0), help="Longest pause in seconds. Default: 3, of a timeline 10.")
@click.option("--from", "start", default="0", metavar="TIME", help="Begin there: seconds, M:SS or H:MM:SS.")
@click.option("--find", default="", metavar="TEXT", help="Begin where this was first seen; of a timeline, only these.")
@click.option("--channel", type=click.IntRange(0), help="Play this channel's terminal; default: the first one.")
@click.option("--timeline", is_flag=True, help="Show entries, not the terminal.")
@_with_source
def replay(
    source: Source,
    session: str,
    speed: float | None,
    skip_idle: float | None,
    start: str,
    find: str,
    channel: int | None,
    timeline: bool,
    as_json: bool,
) -> None:
    """Replay SESSION: a recorded terminal as it was seen, or else a timeline of commands, decisions, outcomes.

    What was refused is red. Escapes that could do more than draw are taken out of a terminal's output.

    In a terminal, keys are heard: space pauses, arrows go five seconds, [ and ] change the speed, / searches, n finds
    the next, a dot steps, g and G go to the ends, q quits.

    \b
    hoop replay 3f1c9a77e0b24d51a6c8 --speed 4 --skip-idle 1
    hoop replay 3f1c9a77e0b24d51a6c8 --from 1:30
    hoop replay 3f1c9a77e0b24d51a6c8 --find "permission denied"
    """
    from twisted_hoop.cli.terminals import find_terminal, play_terminal

    if not (timeline or as_json):
        found = channel
        if found is None and source.summary(session).get("protocol") == "ssh":
            found = find_terminal(source.entries(session))
        if found is not None:
            pace = _pace(1.0 if speed is None else speed, 3.0 if skip_idle is None else skip_idle, start)
            play_terminal(lambda: source.entries(session), found, pace, find)
            return
    _play(source, session, _pace(speed or 0.0, MAX_PAUSE if skip_idle is None else skip_idle, start), as_json, find)


def _pace(speed: float, idle: float, start: str) -> Pace:
    from twisted_hoop.recording.playing import Pace, parse_time

    try:
        return Pace(speed, idle, parse_time(start))
    except ValueError as error:
        raise click.UsageError(f"--from: {error}") from None


@sessions.command("export")
@click.argument("session")
@click.option(
    "--format",
    "form",
    type=click.Choice(["asciicast", "jsonl", "text"]),
    default="asciicast",
    show_default=True,
    help="asciicast v3 or plain text of one channel; every entry as JSON, one a line.",
)
@click.option("--channel", type=click.IntRange(0), help="Which channel; default: the first with a terminal or output.")
@click.option("--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="A file to write.")
@_with_source
def export(source: Source, session: str, form: str, channel: int | None, output: Path | None, as_json: bool) -> None:
    """Write what was recorded of SESSION in another format, for asciinema's player and other tools."""
    from twisted_hoop.cli.terminals import exported

    lines = exported(source.entries(session), "jsonl" if as_json else form, channel)
    if output is None:
        for line in lines:
            click.echo(line, nl=False)
        return
    with output.open("w", encoding="utf-8") as file:
        file.writelines(lines)


@contextmanager
def _told() -> Iterator[None]:
    """Turn the program's own errors into a message and exit code 1."""
    from twisted_hoop.errors import HoopError

    try:
        yield
    except HoopError as error:
        raise CommandFailed(str(error)) from error


def _play(source: Source, session: str, pace: Pace, as_json: bool, find: str = "") -> None:
    from twisted_hoop.recording.playing import mentions

    entries = (each for each in source.entries(session) if not find or mentions(each, find))
    if as_json:
        for entry in entries:
            _print_json(entry)
        return
    from rich.console import Console

    from twisted_hoop.recording.replay import timeline

    console, last = Console(highlight=False, soft_wrap=True), 0.0
    for moment in timeline(entries):
        if moment.seconds < pace.start:
            continue
        if pause := pace.pause(last, moment.seconds):
            time.sleep(pause)
        last = moment.seconds
        for line in moment.lines:
            console.print(line)


def _print_json(value: dict[str, Any]) -> None:
    click.echo(json_line(value))


def _cells(row: dict[str, Any]) -> list[str]:
    seconds, count = row.get("seconds"), row.get("count")
    return [
        str(row.get("id") or ""),
        when(row.get("started")),
        str(row.get("who") or ""),
        str(row.get("target") or ""),
        str(row.get("outcome") or row.get("state") or ""),
        "" if count is None else str(count),
        f"{seconds:.1f}" if isinstance(seconds, (int, float)) else "",
    ]
