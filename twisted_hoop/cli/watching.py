"""`hoop approvals watch` and `hoop sessions watch`: what happens, as it happens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.options import json_option, with_api

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api

_FOLLOW = 1.0


@click.command("watch")
@with_api
@json_option
def watch_approvals(api: Api, as_json: bool) -> None:
    """Print requests as they come and are decided, until interrupted (--json: one object a line).

    \b
    hoop approvals watch --json | jq -r 'select(.state == "pending") | .id'
    """
    for found in _requests(api):
        if as_json:
            _print_json(found)
        else:
            _print_request(found)


def _requests(api: Api) -> Iterator[dict[str, Any]]:
    from twisted_hoop.cli.events import watch

    for event, data in watch(api.stream, "/v1/events?topics=approvals"):
        if event in ("begin", "reset"):
            yield from api.get("/v1/approvals?state=pending")["approvals"]
        elif event == "approval":
            yield api.get(f"/v1/approvals/{data['id']}")


def _print_request(found: dict[str, Any]) -> None:
    from twisted_hoop.approval.shown import visible

    line = " ".join(str(found["shown"]).split())
    who, target = found["principal"]["label"], found["target"]
    click.echo(visible(f"{found['id']}  {found['state']:<11}  {who} on {target}  {line}"))


@click.command("watch")
@click.argument("session", required=False)
@with_api
@json_option
def watch_sessions(api: Api, session: str | None, as_json: bool) -> None:
    """Print sessions as they open and close; with SESSION, what happens in that one, until it ends.

    Reading a recording is for auditors, and is itself recorded.

    \b
    hoop sessions watch
    hoop sessions watch 3f1c9a77e0b24d51a6c8
    """
    if session is not None:
        _follow(api, session, as_json)
        return
    from twisted_hoop.cli.events import watch

    for event, data in watch(api.stream, "/v1/events?topics=sessions"):
        if event == "session" and as_json:
            _print_json(data)
        elif event == "session":
            _print_session(data)


def _print_session(data: dict[str, Any]) -> None:
    from twisted_hoop.approval.shown import visible

    state = data["state"] if data["state"] == "live" else f"closed ({data['outcome']})"
    click.echo(visible(f"{data['id']}  {state}  {data['principal']} on {data['target']}"))


def _follow(api: Api, session: str, as_json: bool) -> None:
    for entry in entries_of(api, session):
        if as_json:
            _print_json(entry)
        else:
            _print_entry(entry)


def entries_of(api: Api, session: str) -> Iterator[dict[str, Any]]:
    """The entries of a recording, page by page, and those that come while it lives, to its end."""
    from twisted_hoop.cli.client import checked_id
    from twisted_hoop.cli.exits import CommandFailed

    path, after = f"/v1/sessions/{checked_id(session)}/entries", -1
    while True:
        page = api.get(f"{path}?after={after}&limit=1000")
        for entry in page["entries"]:
            after = entry["n"]
            yield entry
            if entry["kind"] == "close":
                return
        if page["damaged"]:
            raise CommandFailed(str(page["damaged"]))
        if page["next"] is None:
            if api.get(f"/v1/sessions/{session}")["state"] != "live":
                return
            time.sleep(_FOLLOW)


def _print_entry(entry: dict[str, Any]) -> None:
    from rich.console import Console

    from twisted_hoop.recording.replay import timeline

    console = Console(highlight=False, soft_wrap=True)
    for moment in timeline([entry]):
        for line in moment.lines:
            console.print(line)


def _print_json(value: dict[str, Any]) -> None:
    # ASCII: JSON leaves C1 controls and bidirectional marks in text as they are, and a terminal obeys them (R6).
    click.echo(json.dumps(value).replace("\x7f", "\\u007f"))
