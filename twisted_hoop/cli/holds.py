"""`hoop hold`: recordings that must not be deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from twisted_hoop.cli.options import json_option, with_api

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api


@click.group()
def hold() -> None:
    """Legal holds: recordings that no rule of retention deletes, who said so, and why.

    \b
    hoop hold add --session 3f1c9a77e0b24d51a6c8 --reason "case 4711"
    hoop hold add --principal "https://issuer.example|u-1" --reason "case 4712"
    hoop hold list
    hoop hold remove 1f0c2a7be4d85b93 --reason "case 4711 is closed"

    Exit codes: 0 ok, 1 refused, 2 usage, 3 not reachable, 4 not authenticated.
    """


@hold.command("add")
@click.option("--session", default="", help="The recording of this session.")
@click.option("--principal", default="", help="All recordings of this principal, past and to come: issuer|subject.")
@click.option("--target", default="", help="All recordings of this target, past and to come.")
@click.option("--reason", required=True, help="Why; it stays with the hold.")
@with_api
@json_option
def add(api: Api, session: str, principal: str, target: str, reason: str, as_json: bool) -> None:
    """Hold recordings.

    \b
    hoop hold add --session 3f1c9a77e0b24d51a6c8 --reason "case 4711"
    """
    from twisted_hoop.cli.output import print_json

    named = [(k, v) for k, v in (("session", session), ("principal", principal), ("target", target)) if v]
    if len(named) != 1:
        raise click.UsageError("name one of --session, --principal, --target")
    kind, value = named[0]
    found = api.post("/v1/holds", {"kind": kind, "value": value, "reason": reason})
    if as_json:
        print_json(found)
    else:
        click.echo(f"held: {kind} {value}, hold {found['id']}")


@hold.command("remove")
@click.argument("ident", metavar="HOLD")
@click.option("--reason", required=True, help="Why; it stays in the list.")
@with_api
def remove(api: Api, ident: str, reason: str) -> None:
    """Lift HOLD: rules of retention apply again to what it held.

    \b
    hoop hold remove 1f0c2a7be4d85b93 --reason "case 4711 is closed"
    """
    api.post(f"/v1/holds/{quote(ident, safe='')}/lift", {"reason": reason})
    click.echo(f"lifted: hold {ident}")


@hold.command("list")
@click.option("--all", "lifted", is_flag=True, help="Those that were lifted as well.")
@with_api
@json_option
def list_command(api: Api, lifted: bool, as_json: bool) -> None:
    """List holds, newest first.

    \b
    hoop hold list
    """
    from twisted_hoop.cli.output import print_json, print_table, when

    found = api.get(f"/v1/holds{'?lifted=true' if lifted else ''}")
    if as_json:
        print_json(found)
        return
    rows = [
        [e["id"], when(e["at"]), f"{e['kind']} {e['value']}", e["by_key"], e["reason"], _end(e)] for e in found["holds"]
    ]
    print_table(("hold", "since", "what", "by", "why", "lifted"), rows)


def _end(hold: dict[str, object]) -> str:
    from twisted_hoop.cli.output import when

    at = hold["lifted_at"]
    return f"{when(at)} by {hold['lifted_by']}: {hold['lifted_reason']}" if isinstance(at, float) and at else ""
