"""`hoop replicas` and `hoop drain`: the processes that share a store, and emptying one before it is replaced."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.options import json_option, with_api

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api

_LOOK = 0.5  # seconds


@click.command("replicas")
@with_api
@json_option
def replicas(api: Api, as_json: bool) -> None:
    """List the replicas that live, the oldest first. For auditors and operators.

    \b
    hoop replicas
    """
    from twisted_hoop.cli.output import print_json, print_table, when

    found = _listed(api)
    if as_json:
        print_json(found)
        return
    rows = [
        [e["id"], e["name"], e["version"], e["policy"], when(e["started"]), str(e["sessions"]), e["draining"]]
        for e in found
    ]
    print_table(("replica", "name", "version", "policy", "started", "sessions", "draining"), rows)


@click.command("drain")
@click.argument("replica")
@click.option("--reason", default="", help="Logged there.")
@click.option("--wait", is_flag=True, help="Until it is gone.")
@with_api
@json_option
def drain(api: Api, replica: str, reason: str, wait: bool, as_json: bool) -> None:
    """Have REPLICA stop: it accepts nobody, lets what runs finish, ends the rest with a message, and is gone.

    \b
    hoop drain 9f86d081884c7d65 --reason "version 1.4" --wait

    A worker that drains is replaced by a new one on the same machine.
    """
    from twisted_hoop.cli.client import checked_id
    from twisted_hoop.cli.output import print_json

    done = api.post(f"/v1/replicas/{checked_id(replica)}/drain", {"reason": reason})
    if as_json:
        print_json(done)
    else:
        click.echo(f"{replica} drains")
    while wait and any(each["id"] == replica for each in _listed(api)):
        time.sleep(_LOOK)


def _listed(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get("/v1/replicas")["replicas"]
    return found
