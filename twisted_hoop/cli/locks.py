"""`hoop lock`, `hoop locks`, `hoop unlock`: who or what is shut out, everywhere and at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from twisted_hoop.cli.options import json_option, with_api

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api

Function = TypeVar("Function", bound=Callable[..., Any])


def _what(function: Function) -> Function:
    """--principal, --group, --issuer, --target, of which exactly one is given."""
    options = (
        click.option("--principal", default="", help="A principal's key, ISSUER|SUBJECT, as `hoop whoami` shows it."),
        click.option("--group", default="", help="Everybody in a group."),
        click.option("--issuer", default="", help="Everybody of an issuer."),
        click.option("--target", default="", help="Everybody on a target."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.command("lock")
@_what
@click.option("--ttl", default="", help='How long: "30m", "8h", "7d"; until it is lifted when not said.')
@click.option("--reason", default="", help="Those it shuts out are told.")
@with_api
@json_option
def lock(api: Api, principal: str, group: str, issuer: str, target: str, ttl: str, reason: str, as_json: bool) -> None:
    """Shut somebody or something out: live sessions of every protocol end at every replica, and none opens.

    \b
    hoop lock --principal "https://issuer.example|mallory" --reason "laptop stolen"
    hoop lock --target shop --ttl 2h --reason "restore under way"

    Exit codes: 0 ok, 1 refused, 2 usage, 3 not reachable, 4 not authenticated.
    """
    from twisted_hoop.cli.output import print_json, when

    kind, value = _one(principal=principal, group=group, issuer=issuer, target=target)
    body = {"kind": kind, "value": value, "seconds": _seconds(ttl), "reason": reason}
    made = api.post("/v1/locks", body)
    if as_json:
        print_json(made)
    else:
        click.echo(f"locked until {when(made['until'])}" if made["until"] else "locked until it is lifted")


@click.command("unlock")
@_what
@with_api
@json_option
def unlock(api: Api, principal: str, group: str, issuer: str, target: str, as_json: bool) -> None:
    """Let in again who was locked out.

    \b
    hoop unlock --target shop

    Exit codes: 0 ok, 1 there was no such lock, 2 usage, 3 not reachable, 4 not authenticated.
    """
    from twisted_hoop.cli.exits import CommandFailed
    from twisted_hoop.cli.output import print_json

    kind, value = _one(principal=principal, group=group, issuer=issuer, target=target)
    lifted = api.post("/v1/locks/lift", {"kind": kind, "value": value})
    if as_json:
        print_json(lifted)
    if not lifted["lifted"]:
        raise CommandFailed("there is no such lock")
    if not as_json:
        click.echo("unlocked")


@click.command("locks")
@with_api
@json_option
def locks(api: Api, as_json: bool) -> None:
    """List the locks that hold, newest first.

    \b
    hoop locks --json
    """
    from twisted_hoop.cli.output import print_json, print_table, when

    found = api.get("/v1/locks")["locks"]
    if as_json:
        print_json(found)
    elif found:
        rows = [[e["kind"], e["value"], when(e["until"]) or "lifted", e["by_key"], e["reason"]] for e in found]
        print_table(("kind", "value", "until", "by", "reason"), rows)
    else:
        click.echo("nothing is locked")


def _one(**given: str) -> tuple[str, str]:
    """The one option that was given; UsageError for none or several."""
    named = [(kind, value) for kind, value in given.items() if value]
    if len(named) != 1:
        raise click.UsageError("say one of --principal, --group, --issuer, --target")
    return named[0]


def _seconds(ttl: str) -> float:
    from pydantic import TypeAdapter, ValidationError

    from twisted_hoop.settings import Duration

    if not ttl:
        return 0.0
    try:
        seconds: float = TypeAdapter(Duration).validate_python(ttl)
    except ValidationError as fault:
        raise click.UsageError('--ttl: write a duration as "30s", "5m", "2h" or "1d"') from fault
    if not seconds:
        raise click.UsageError("--ttl: a lock of no time shuts nobody out")
    return seconds
