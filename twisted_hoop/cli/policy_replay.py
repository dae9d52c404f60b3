"""`hoop policy replay`: recorded commands under other rules."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.options import Connection, connection_options, json_option

if TYPE_CHECKING:
    from twisted_hoop.cli.sources import Source
    from twisted_hoop.rehearsal.judging import Judge
    from twisted_hoop.rehearsal.tally import Change, Tally

_FILE = click.Path(dir_okay=False, path_type=Path)
_KINDS = ("denied", "reviewed", "allowed")
_EVERY = 0.25  # seconds between two lines of progress
_LONGEST = 200  # characters of an example


@click.command("replay")
@click.argument("file", type=_FILE)
@click.option("--since", default="30d", show_default=True, help='How far back: "12h", "30d".')
@click.option("--old", type=_FILE, help="Rules to compare with; without it, what was decided when it was recorded.")
@click.option("--target", default="", help="Only sessions with this target.")
@click.option("--examples", default=3, show_default=True, type=click.IntRange(0, 100), help="Of each change.")
@click.option(
    "--fail-on",
    "fail_on",
    multiple=True,
    type=click.Choice(_KINDS),
    help="Exit with 1 for changes of this kind only; may be given several times. Default: every kind.",
)
@click.option(
    "--state",
    envvar="HOOP_STATE",
    type=click.Path(file_okay=False, path_type=Path),
    help="State folder (HOOP_STATE) of a gateway on this machine: read its files instead of asking the API.",
)
@connection_options
@json_option
def replay(
    file: Path,
    since: str,
    old: Path | None,
    target: str,
    examples: int,
    fail_on: tuple[str, ...],
    state: Path | None,
    url: str,
    token: str,
    token_file: str,
    ca: str,
    as_json: bool,
) -> None:
    """Judge recorded commands by the rules of FILE, and say what would change.

    \b
    hoop policy replay --since 30d new-policy.toml
    hoop policy replay --state /var/lib/hoop --old hoop.toml new-policy.toml --fail-on denied

    Commands are understood anew from their texts, at the time they were sent. With --old, both sides are the rules of
    a file; without it, one side is what was decided then, which the target's catalogue had a part in.

    Exit codes: 0 nothing changes, 1 something does, 2 usage or a file with problems, 3 not reachable,
    4 not authenticated.
    """
    from twisted_hoop.rehearsal.tally import Tally

    new, before = _judge(file), None if old is None else _judge(old)
    outer = click.get_current_context().find_object(Connection) or Connection()
    tally, progress = Tally(examples), _Progress()
    for source, row in _sessions(state, Connection(url, token, token_file, ca).over(outer), since, target):
        _replay(source, row, new, before, tally)
        progress.tell(tally)
    progress.tell(tally, last=True)
    _print(tally, as_json)
    if any(count for kind, count in tally.counts().items() if kind in (fail_on or _KINDS)):
        raise SystemExit(1)


def _judge(file: Path) -> Judge:
    from twisted_hoop.config import load
    from twisted_hoop.errors import ConfigurationError
    from twisted_hoop.rehearsal.judging import Judge

    try:
        return Judge(load(file))
    except ConfigurationError as fault:
        raise click.UsageError(str(fault)) from None


def _sessions(
    state: Path | None, connection: Connection, since: str, target: str
) -> Iterator[tuple[Source, dict[str, Any]]]:
    """The source, and the sessions since then, newest first."""
    from twisted_hoop.cli.sources import LocalSource, RemoteSource, recordings_folder

    begin = max(0.0, time.time() - _seconds(since))
    if state is None:
        api = connection.api()
        remote = RemoteSource(api.get, api.lines)
        yield from ((remote, row) for row in _listed(api.get, begin, target))
        return
    local = LocalSource(recordings_folder(state))
    # The folder has one list, newest first: as much of it is asked for as it takes.
    yield from ((local, row) for row in local.recent(sys.maxsize, target, "") if (row.get("started") or 0.0) >= begin)


def _listed(get: Any, begin: float, target: str) -> Iterator[dict[str, Any]]:
    from urllib.parse import urlencode

    query = {"since": f"{begin:.3f}", "target": target, "limit": "500", "cursor": ""}
    while True:
        page = get("/v1/sessions?" + urlencode({name: value for name, value in query.items() if value}))
        yield from page["sessions"]
        query["cursor"] = page.get("next") or ""
        if not query["cursor"]:
            return


def _seconds(since: str) -> float:
    from pydantic import TypeAdapter, ValidationError

    from twisted_hoop.settings import Duration

    try:
        seconds: float = TypeAdapter(Duration).validate_python(since)
    except ValidationError as fault:
        raise click.UsageError('--since: write a duration as "12h" or "30d"') from fault
    return seconds


def _replay(source: Source, row: dict[str, Any], new: Judge, before: Judge | None, tally: Tally) -> None:
    """One session. What cannot be read is counted, not passed over in silence."""
    from twisted_hoop.errors import HoopError
    from twisted_hoop.rehearsal.judging import Judgement
    from twisted_hoop.rehearsal.recorded import commands

    tally.sessions += 1
    try:
        for each in commands(str(row["id"]), source.entries(str(row["id"]))):
            was = Judgement(each.effect, each.rule) if before is None else before.judge(each)
            tally.add(each, was, new.judge(each))
    except HoopError as fault:
        tally.unread[str(fault)] += 1


class _Progress:
    """One line that is written over, where somebody looks at it."""

    def __init__(self) -> None:
        self._shown, self._told = sys.stderr.isatty(), 0.0

    def tell(self, tally: Tally, last: bool = False) -> None:
        if self._shown and (last or time.monotonic() >= self._told + _EVERY):
            self._told = time.monotonic()
            click.echo(f"\r{tally.sessions} sessions, {tally.judged} commands", nl=last, err=True)


def _print(tally: Tally, as_json: bool) -> None:
    from twisted_hoop.cli.output import print_json

    if as_json:
        print_json(
            {
                "sessions": tally.sessions,
                "commands": tally.judged,
                "same": tally.same,
                "new": tally.counts(),
                "not_judged": dict(tally.unjudged),
                "not_read": dict(tally.unread),
                "changes": [_shown(change) for change in tally.changes()],
            }
        )
        return
    counts = ", ".join(f"{count} newly {kind}" for kind, count in tally.counts().items())
    click.echo(f"{tally.judged} commands of {tally.sessions} sessions: {counts}, {tally.same} as before")
    for what, count in tally.unjudged.items():
        click.echo(f"not judged: {count} of {what}")
    for change in tally.changes():
        _print_change(change)
    if tally.unread:
        click.echo(f"not read: {sum(tally.unread.values())} sessions ({next(iter(tally.unread))})")


def _print_change(change: Change) -> None:
    from twisted_hoop.cli.output import continued

    old, new = (f"rule {name}" if name else "no rule" for name in (change.old_rule, change.new_rule))
    click.echo(f"\nnewly {change.kind} on {continued(change.target)}: {change.count} of {len(change.people)} people")
    click.echo(continued(f"  was {change.was.value} by {old}, is {change.now.value} by {new} {change.reason}".rstrip()))
    for text, each in change.examples.items():
        click.echo(f"    {each.session}  {continued(each.principal.label)}: {continued(text[:_LONGEST], 4)}")


def _shown(change: Change) -> dict[str, Any]:
    return {
        "new": change.kind,
        "target": change.target,
        "was": change.was.value,
        "was_by": change.old_rule,
        "is": change.now.value,
        "is_by": change.new_rule,
        "reason": change.reason,
        "count": change.count,
        "people": sorted(change.people),
        "examples": [
            {"session": each.session, "who": each.principal.label, "action": each.action, "at": each.at, "text": text}
            for text, each in change.examples.items()
        ],
    }
