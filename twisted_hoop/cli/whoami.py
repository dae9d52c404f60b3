"""`hoop whoami`: what the token proves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.options import json_option, with_api

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api


@click.command("whoami")
@with_api
@json_option
def whoami(api: Api, as_json: bool) -> None:
    """Show who the token says you are, and what you may do at the API.

    \b
    hoop whoami --url https://hoop.example --token-file ~/.hoop-token

    Exit codes: 0 ok, 3 not reachable, 4 not authenticated.
    """
    from twisted_hoop.cli.output import print_fields, print_json

    who = api.get("/v1/whoami")
    if as_json:
        print_json(who)
    else:
        print_fields(_fields(who))


def _fields(who: dict[str, Any]) -> dict[str, Any]:
    from twisted_hoop.cli.output import when

    roles = [name for name in ("auditor", "operator") if who.get(name)]
    return {
        "subject": who.get("subject"),
        "issuer": who.get("issuer"),
        "name": who.get("name"),
        "kind": who.get("kind"),
        "groups": who.get("groups"),
        "acting through": [actor["subject"] for actor in who.get("chain", ())],
        "only for": who.get("targets") or [],
        "roles": roles,
        "until": when(who.get("expires")),
    }
