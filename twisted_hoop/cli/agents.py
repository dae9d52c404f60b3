"""`hoop agents`: which agents are there, tokens for those that shall join, and shutting one out for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.options import json_option, with_api

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api


@click.group()
def agents() -> None:
    """Agents in private networks: list them, let one join, revoke one.

    \b
    hoop agents list
    hoop agents join-token office --ttl 15m
    hoop agents revoke 9f86d081884c7d659a2feaa0c55ad015 --reason "laptop stolen"

    Exit codes: 0 ok, 1 refused, 2 usage, 3 not reachable, 4 not authenticated.
    """


@agents.command("list")
@with_api
@json_option
def list_command(api: Api, as_json: bool) -> None:
    """List agents, by name: a line for each connection, and one for each that is not connected.

    \b
    hoop agents list --json
    """
    from twisted_hoop.cli.output import print_json, print_table

    found = api.get("/v1/agents")
    if as_json:
        print_json(found)
        return
    rows = [row for agent in found["agents"] for row in _rows(agent)]
    known = {agent["name"] for agent in found["agents"]}
    rows += [[each["name"], "", "never joined", "", "", "", ""] for each in found["names"] if each["name"] not in known]
    if rows:
        print_table(("name", "id", "state", "version", "address", "streams", "seen"), sorted(rows))
    else:
        click.echo("no agent is configured")


@agents.command("show")
@click.argument("ident", metavar="ID")
@with_api
@json_option
def show(api: Api, ident: str, as_json: bool) -> None:
    """Show one agent: who let it in, its key, its connections and what it offers.

    \b
    hoop agents show 9f86d081884c7d659a2feaa0c55ad015
    """
    from twisted_hoop.cli.client import checked_id
    from twisted_hoop.cli.output import print_json

    found = api.get(f"/v1/agents/{checked_id(ident)}")
    if as_json:
        print_json(found)
        return
    _print_agent(found)


@agents.command("revoke")
@click.argument("ident", metavar="ID")
@click.option("--reason", default="", help="For those who look at the list.")
@with_api
@json_option
def revoke(api: Api, ident: str, reason: str, as_json: bool) -> None:
    """Shut an agent out for good: its connections end at every replica, its certificate is refused.

    \b
    hoop agents revoke 9f86d081884c7d659a2feaa0c55ad015 --reason "laptop stolen"

    The machine may join again with a new token, as another agent.
    """
    from twisted_hoop.cli.client import checked_id
    from twisted_hoop.cli.output import print_json

    done = api.post(f"/v1/agents/{checked_id(ident)}/revoke", {"reason": reason})
    if as_json:
        print_json(done)
    else:
        click.echo(f"{done['name']} {done['ident']} is revoked")


@agents.command("join-token")
@click.argument("name")
@click.option(
    "--ttl", default="15m", show_default=True, help='Within which it must be used: "15m", "2h", at most "7d".'
)
@with_api
@json_option
def join_token(api: Api, name: str, ttl: str, as_json: bool) -> None:
    """Make a token with which one agent of NAME joins, once. It is shown here and nowhere again.

    \b
    hoop agents join-token office --ttl 1h > token
    """
    from twisted_hoop.cli.output import print_json, when

    made = api.post("/v1/agents/tokens", {"name": name, "seconds": _seconds(ttl)})
    if as_json:
        print_json(made)
    else:
        click.echo(made["token"])
        click.echo(f"for one agent called {made['name']}, until {when(made['until'])}", err=True)


def _rows(agent: dict[str, Any]) -> list[list[str]]:
    from twisted_hoop.cli.output import when

    start = [agent["name"], agent["ident"]]
    if agent["revoked"]:
        return [[*start, "revoked", "", agent["address"], "", when(agent["revoked"])]]
    links = agent["connections"]
    if not links:
        return [[*start, "away", "", agent["address"], "", when(agent["seen"])]]
    return [
        [*start, "connected", each["version"], each["address"], str(each["streams"]), when(each["seen"])]
        for each in links
    ]


def _print_agent(found: dict[str, Any]) -> None:
    from twisted_hoop.cli.output import print_fields, when

    times = ("enrolled", "until", "seen", "revoked")
    plain = {name: value for name, value in found.items() if name != "connections"}
    print_fields({name: when(value) if name in times else value for name, value in plain.items()})
    for each in found["connections"]:
        click.echo("")
        shown = {**each, "since": when(each["since"]), "seen": when(each["seen"])}
        print_fields(shown)


def _seconds(ttl: str) -> float:
    from pydantic import TypeAdapter, ValidationError

    from twisted_hoop.settings import Duration

    try:
        seconds: float = TypeAdapter(Duration).validate_python(ttl)
    except ValidationError as fault:
        raise click.UsageError('--ttl: write a duration as "15m", "2h" or "7d"') from fault
    if not seconds:
        raise click.UsageError("--ttl: nobody can join in no time")
    return seconds
