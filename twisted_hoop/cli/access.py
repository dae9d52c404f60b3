"""`hoop access`: ask to open a target for a while, see what one was let in to, and end it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.exits import REFUSED
from twisted_hoop.cli.options import json_option, with_api

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smhd])")
_LOOK = 2.0


class _Durations(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds of `30m`, `1h`, `1d`."""
        match = _DURATION.fullmatch(str(value))
        if match is None:
            self.fail(f'{value!r} is no duration: write "30m", "1h" or "1d"', param, ctx)
        return float(match[1]) * _UNITS[match[2]]


DURATION = _Durations()
"""The type of an option that takes a time span, as seconds."""


@click.group()
def access() -> None:
    """Targets that open for a while: ask for one, see what is open, end it.

    \b
    hoop access request shop --for 1h --reason "CHG-1234"
    hoop access list

    Exit codes: 0 ok, 1 refused, denied or expired, 2 usage, 3 not reachable, 4 not authenticated.
    """


@access.command("request")
@click.argument("target")
@click.option("--for", "seconds", required=True, type=DURATION, help="How long: 30m, 1h, 1d.")
@click.option("--reason", default="", help="Why; approvers read it.")
@click.option("--wait", is_flag=True, help="Wait until it is decided: exit code 0 when granted, 1 otherwise.")
@with_api
@json_option
def request_command(api: Api, target: str, seconds: float, reason: str, wait: bool, as_json: bool) -> None:
    """Ask to open TARGET for a while. Asking again for the same is the same request.

    \b
    hoop access request shop --for 90m --reason "CHG-1234" --wait && hoop psql shop
    """
    from twisted_hoop.cli.output import print_json

    found = api.post("/v1/access", {"target": target, "seconds": seconds, "reason": reason})
    if wait:
        found = _decided(api, found)
    if as_json:
        print_json(found)
    else:
        click.echo(_said(found))
    if wait and found["state"] != "granted":
        raise SystemExit(REFUSED)


@access.command("list")
@with_api
@json_option
def list_command(api: Api, as_json: bool) -> None:
    """List what you were let in to and until when, and what you may ask for.

    \b
    hoop access list --json | jq -r '.grants[].target'
    """
    from twisted_hoop.cli.output import print_json, print_table, when

    found = api.get("/v1/access")
    if as_json:
        print_json(found)
        return
    open_now = {each["target"]: each for each in found["grants"]}
    rows = [
        [o["target"], _open_until(open_now.get(o["target"]), when), f"{o['longest']:.0f}", ", ".join(o["approvers"])]
        for o in found["offers"]
    ]
    asked = {row[0] for row in rows}
    rows += [[g["target"], _open_until(g, when), "", ""] for g in found["grants"] if g["target"] not in asked]
    if rows:
        print_table(("target", "open until", "longest (s)", "approvers"), rows)
    else:
        click.echo("none")


@access.command("end")
@click.argument("ident", metavar="ID")
@with_api
@json_option
def end(api: Api, ident: str, as_json: bool) -> None:
    """End access ID before its time, or withdraw the request for it. Live sessions end.

    \b
    hoop access end 3f1c9a77e0b24d51a6c8
    """
    from twisted_hoop.cli.client import checked_id
    from twisted_hoop.cli.output import print_json

    found = api.post(f"/v1/approvals/{checked_id(ident)}/end", {})
    if as_json:
        print_json(found)
    else:
        click.echo(f"{ident} is {found['state']}")


def _open_until(grant: dict[str, Any] | None, when: Any) -> str:
    return when(grant["until"]) if grant else ""


def _decided(api: Api, found: dict[str, Any]) -> dict[str, Any]:
    while found["state"] == "pending":
        time.sleep(_LOOK)
        found = api.get(f"/v1/approvals/{found['id']}")
    return found


def _said(found: dict[str, Any]) -> str:
    from twisted_hoop.approval.shown import visible
    from twisted_hoop.cli.output import when

    ident, state = found["id"], found["state"]
    if state == "pending":
        return f"{ident} waits for {', '.join(map(visible, found['approvers']))}, until {when(found['deadline'])}"
    if state == "granted":
        return f"{ident} is granted: {visible(found['target'])} is open until {when(found['until'])}"
    why = "; ".join(str(vote["comment"]) for vote in found["votes"] if vote["comment"])
    return f"{ident} is {state}{': ' + visible(why) if why else ''}"
