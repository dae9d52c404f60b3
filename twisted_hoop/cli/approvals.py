"""`hoop approvals`: look at requests and decide them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.options import json_option, with_api
from twisted_hoop.cli.watching import watch_approvals

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api

_STATES = ("pending", "granted", "denied", "expired", "withdrawn", "used", "ended", "interrupted", "all")
_PREVIEW = 60


@click.group()
def approvals() -> None:
    """Requests that wait for people: list, show, approve, deny, watch.

    \b
    hoop approvals list
    hoop approvals approve 3f1c9a77e0b24d51a6c8 --comment "agreed in CHG-1234"

    Exit codes: 0 ok, 1 refused (not yours to decide, or decided already), 2 usage, 3 not reachable,
    4 not authenticated.
    """


approvals.add_command(watch_approvals)


@approvals.command("list")
@click.option("--state", default="pending", show_default=True, type=click.Choice(_STATES), help="Which.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 500), help="How many.")
@click.option("--ids", is_flag=True, help="Print ids only, one a line.")
@with_api
@json_option
def list_command(api: Api, state: str, limit: int, ids: bool, as_json: bool) -> None:
    """List requests you may decide or asked for yourself, newest first.

    \b
    hoop approvals list --state all --json
    hoop approvals show $(hoop approvals list --ids --limit 1)
    """
    from twisted_hoop.cli.output import print_json, print_table

    found = api.get(f"/v1/approvals?state={state}&limit={limit}")["approvals"]
    if as_json:
        print_json(found)
    elif ids:
        click.echo("".join(f"{each['id']}\n" for each in found), nl=False)
    elif found:
        print_table(("id", "state", "who", "target", "rule", "until", "text"), [_row(each) for each in found])
    else:
        click.echo("nothing waits" if state == "pending" else "none")


@approvals.command("show")
@click.argument("ident", metavar="ID")
@with_api
@json_option
def show(api: Api, ident: str, as_json: bool) -> None:
    """Show request ID: who asks, the whole text, which rule asks for you, and what others said.

    \b
    hoop approvals show 3f1c9a77e0b24d51a6c8
    """
    from twisted_hoop.cli.output import print_json

    request = api.get(_path(ident))
    if as_json:
        print_json(request)
    else:
        _print(request)


@approvals.command("approve")
@click.argument("ident", metavar="ID")
@click.option("--comment", default="", help="Told to the requester and recorded.")
@click.option("--yes", is_flag=True, help="Do not ask, even at a terminal.")
@with_api
@json_option
def approve(api: Api, ident: str, comment: str, yes: bool, as_json: bool) -> None:
    """Approve request ID. At a terminal, the whole text is shown first and you are asked.

    \b
    hoop approvals approve 3f1c9a77e0b24d51a6c8 --comment "agreed in CHG-1234" --yes
    """
    request = api.get(_path(ident))
    if _asks() and not (yes or as_json):
        _print(request)
        click.confirm("Approve this?", abort=True)
    # The digest says which text was looked at: the gateway refuses to take the yes for another (A3).
    _decide(api, ident, "approve", {"comment": comment, "digest": request["digest"]}, as_json)


@approvals.command("deny")
@click.argument("ident", metavar="ID")
@click.option("--comment", default="", help="Told to the requester and recorded.")
@with_api
@json_option
def deny(api: Api, ident: str, comment: str, as_json: bool) -> None:
    """Deny request ID. One denial ends it.

    \b
    hoop approvals deny 3f1c9a77e0b24d51a6c8 --comment "not during the freeze"
    """
    _decide(api, ident, "deny", {"comment": comment}, as_json)


def _asks() -> bool:
    return sys.stdin.isatty()


def _decide(api: Api, ident: str, verb: str, body: dict[str, Any], as_json: bool) -> None:
    from twisted_hoop.cli.output import print_json

    request = api.post(f"{_path(ident)}/{verb}", body)
    if as_json:
        print_json(request)
        return
    said = sum(1 for vote in request["votes"] if vote["granted"])
    missing = f": {said} of {request['quorum']} approvals" if request["state"] == "pending" else ""
    click.echo(f"{ident} is {request['state']}{missing}")


def _path(ident: str) -> str:
    from twisted_hoop.cli.client import checked_id

    return f"/v1/approvals/{checked_id(ident)}"


def _row(request: dict[str, Any]) -> list[str]:
    from twisted_hoop.cli.output import when

    line = " ".join(str(request["shown"]).split())
    preview = line if len(line) <= _PREVIEW else line[:_PREVIEW] + " …"
    who = str(request["principal"]["label"])
    deadline = when(request["until"] or request["deadline"])
    return [request["id"], request["state"], who, request["target"], request["rule"], deadline, preview]


def _print(request: dict[str, Any]) -> None:
    """Everything, whole. The text comes last and unindented, so that its own layout is seen."""
    from twisted_hoop.cli.output import print_fields, when

    who = request["principal"]
    print_fields(
        {
            "id": request["id"],
            "state": request["state"],
            "who": f"{who['label']} ({who['issuer']}|{who['subject']})",
            "target": request["target"],
            **{f"its {name}": value for name, value in request["attributes"].items() if name not in request["context"]},
            "reason given": request["reason"],
            "rule": f"{request['rule']}: {request['rule_reason']}",
            "approvers": request["approvers"],
            "needed": request["quorum"],
            "said": [_vote(vote) for vote in request["votes"]],
            "asked": when(request["created"]),
            "decide by": when(request["deadline"]),
            "usable": f"{request['uses']} time(s) within {request['valid']:.0f} s",
            "tables": request["tables"],
            "does": request["classes"],
            **{f"with {name}": value for name, value in request["context"].items()},
            "digest": request["digest"],
            "beware": request["notes"],
            "you": request["objection"],
        }
    )
    _print_text(request)


def _print_text(request: dict[str, Any]) -> None:
    from twisted_hoop.approval.shown import visible
    from twisted_hoop.cli.output import continued

    # `shown` is the API's one-to-one form; `visible` only distrusts the API itself (R6).
    click.echo(f"\n{visible(request['shown'])}\n")
    for number, value in enumerate(request["parameters"], 1):
        click.echo(f"${number} = {'NULL' if value is None else continued(value)}")


def _vote(vote: dict[str, Any]) -> str:
    return f"{'yes' if vote['granted'] else 'no'} by {vote['name']} ({vote['by']}) {vote['comment']}".strip()
