"""`hoop token exchange`: a narrower token for the one there is, or one for an agent that acts for its owner."""

from __future__ import annotations

from typing import Any

import click

from twisted_hoop.cli.access import DURATION
from twisted_hoop.cli.options import Connection, connection_options, json_option, token_in

_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  a name, no secret


@click.command("exchange")
@connection_options
@click.option("--target", "targets", multiple=True, help="Only for this target; several times for several.")
@click.option("--group", "groups", multiple=True, help="Only with this group; several times for several.")
@click.option("--audience", default="", help="For another service, which the gateway must know, and not for targets.")
@click.option("--actor-token-file", default="", help="File with the token of who acts, an agent's own.")
@click.option("--lifetime", type=DURATION, help="How long at most: 90s, 5m; the gateway's when not said.")
@json_option
def exchange(
    url: str,
    token: str,
    token_file: str,
    ca: str,
    targets: tuple[str, ...],
    groups: tuple[str, ...],
    audience: str,
    actor_token_file: str,
    lifetime: float | None,
    as_json: bool,
) -> None:
    """Print a token that may do less, and for a shorter time, than the one there is.

    With --actor-token-file, one with which its owner acts for you: rules must allow both of you what it does.

    \b
    hoop token exchange --target shop --lifetime 5m > shop.token
    hoop token exchange --target shop --actor-token-file /run/agent/token

    Exit codes: 0 ok, 1 refused, 3 not reachable, 4 nobody is logged in.
    """
    outer = click.get_current_context().find_object(Connection) or Connection()
    connection = Connection(url, token, token_file, ca).over(outer)
    fields = [("grant_type", _GRANT), *_token("subject", connection.found_token()[0])]
    if actor_token_file:
        fields += _token("actor", token_in(actor_token_file, "--actor-token-file"))
    fields += [("audience", each) for each in (*targets, *((audience,) if audience else ()))]
    if groups:
        from urllib.parse import quote

        fields.append(("scope", " ".join(f"group:{quote(group, safe='')}" for group in groups)))
    if lifetime is not None:
        fields.append(("lifetime", str(max(1, int(lifetime)))))
    _print(connection.anonymous().form("/oauth/token", fields), as_json)


def _token(whose: str, text: str) -> list[tuple[str, str]]:
    return [(f"{whose}_token", text), (f"{whose}_token_type", _ACCESS_TOKEN)]


def _print(answer: dict[str, Any], as_json: bool) -> None:
    from twisted_hoop.cli.output import print_json

    if as_json:
        print_json(answer)
    else:
        click.echo(answer["access_token"])
