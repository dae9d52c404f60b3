"""`hoop sessions kill`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from twisted_hoop.cli.options import json_option, with_api

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api


@click.command("kill")
@click.argument("session")
@click.option("--reason", default="ended by an operator", show_default=True, help="The client is told.")
@with_api
@json_option
def kill(api: Api, session: str, reason: str, as_json: bool) -> None:
    """End live SESSION, wherever it lives: for operators.

    \b
    hoop sessions kill 3f1c9a77e0b24d51a6c8 --reason "the change window is over"
    """
    from twisted_hoop.cli.client import checked_id
    from twisted_hoop.cli.output import print_json

    found = api.post(f"/v1/sessions/{checked_id(session)}/end", {"reason": reason})
    if as_json:
        print_json(found)
    else:
        click.echo(f"{session} is being ended")
