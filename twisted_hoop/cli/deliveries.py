"""`hoop deliveries`: notices on their way, and those that never arrived."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import click

from twisted_hoop.cli.options import json_option, with_api

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api


@click.group()
def deliveries() -> None:
    """Notices to channels: list them, send dead letters again. For operators.

    \b
    hoop deliveries list --state dead
    hoop deliveries retry --all

    Exit codes: 0 ok, 1 refused, 2 usage, 3 not reachable, 4 not authenticated.
    """


@deliveries.command("list")
@click.option("--state", default="dead", show_default=True, type=click.Choice(["waiting", "sent", "dead", "all"]))
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 500), help="How many.")
@click.option("--ids", is_flag=True, help="Print ids only, one a line.")
@with_api
@json_option
def list_command(api: Api, state: str, limit: int, ids: bool, as_json: bool) -> None:
    """List deliveries, newest first; dead letters unless told otherwise.

    \b
    hoop deliveries list --state all --json
    """
    from twisted_hoop.cli.output import print_json, print_table, when

    found = _found(api, state, limit)
    if as_json:
        print_json(found)
    elif ids:
        click.echo("".join(f"{each['id']}\n" for each in found), nl=False)
    elif found:
        rows = [
            [e["id"], when(e["at"]), e["channel"], e["event"], e["state"], str(e["attempts"]), e["error"]]
            for e in found
        ]
        print_table(("id", "at", "channel", "event", "state", "attempts", "error"), rows)
    else:
        click.echo("no dead letters" if state == "dead" else "none")


@deliveries.command("retry")
@click.argument("idents", metavar="[ID]...", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every dead letter, 500 at most.")
@with_api
@json_option
def retry(api: Api, idents: tuple[str, ...], every: bool, as_json: bool) -> None:
    """Try dead letters again.

    \b
    hoop deliveries retry 3f1c9a77e0b24d51a6c8
    """
    from twisted_hoop.cli.client import checked_id
    from twisted_hoop.cli.output import print_json

    if bool(idents) == every:
        raise click.UsageError("say which, or --all")
    wanted = [each["id"] for each in _found(api, "dead", 500)] if every else [checked_id(each) for each in idents]
    done = [api.post(f"/v1/deliveries/{ident}/retry", {}) for ident in wanted]
    if as_json:
        print_json(done)
    else:
        click.echo(f"{len(done)} will be tried again")


def _found(api: Api, state: str, limit: int) -> list[dict[str, str]]:
    query = urlencode({"state": "" if state == "all" else state, "limit": limit})
    found: list[dict[str, str]] = api.get(f"/v1/deliveries?{query}")["deliveries"]
    return found
