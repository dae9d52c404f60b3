"""`hoop account-token` and `hoop scram-verifier`: credentials of service accounts, shown once, here only."""

from __future__ import annotations

import hashlib
import json
import secrets
import sys

import click

from twisted_hoop.cli.options import json_option

_NAME = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}"


@click.command("account-token")
@click.argument("name")
@click.option("--group", "groups", multiple=True, help="A group of the account; may be given more than once.")
@json_option
def account_token(name: str, groups: tuple[str, ...], as_json: bool) -> None:
    """Make a token for service account NAME, and the block of the configuration that knows its digest.

    The token is printed once and kept nowhere.

    \b
    hoop account-token ci-bot --group ci

    Exit codes: 0 ok, 2 usage.
    """
    _check_name(name)
    token = "hoop_" + secrets.token_urlsafe(32)
    digest = hashlib.sha256(token.encode("ascii")).hexdigest()
    block = f'[[accounts]]\nname = "{name}"\ntoken_sha256 = "{digest}"\ngroups = {json.dumps(list(groups))}\n'
    if as_json:
        click.echo(json.dumps({"name": name, "token": token, "token_sha256": digest, "configuration": block}))
        return
    click.echo(token)
    # The token alone on stdout, so that it can be piped into a vault; the block is for a person's eyes.
    click.echo(f"\nThis token is not shown again. Add to the configuration:\n\n{block}", err=True)


def _check_name(name: str) -> None:
    import re

    if re.fullmatch(_NAME, name) is None:
        raise click.UsageError("NAME: letters, digits, dots, @, - and _; at most 63")


@click.command("scram-verifier")
@click.option("--iterations", default=4096, show_default=True, type=click.IntRange(4096, 1_000_000), help="Of PBKDF2.")
@json_option
def scram_verifier(iterations: int, as_json: bool) -> None:
    """Make the SCRAM-SHA-256 verifier of a password, for `scram` of an account.

    The password is asked for at a terminal, and read from standard input otherwise.

    \b
    hoop scram-verifier
    pass show ci-bot | hoop scram-verifier

    Exit codes: 0 ok, 2 usage.
    """
    from twisted_hoop.identity.scram_keys import scram_verifier as make

    verifier = make(_password(), iterations)
    click.echo(json.dumps({"scram": verifier}) if as_json else verifier)


def _password() -> str:
    if sys.stdin.isatty():
        password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise click.UsageError("the password is empty")
    return password
