"""`hoop login`, `hoop logout`, `hoop token`: a token of one's own for what needs one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.lazy import LazyGroup
from twisted_hoop.cli.options import Connection, connection_options, json_option

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api
    from twisted_hoop.cli.openid import Client

_MORE = {"exchange": "twisted_hoop.cli.exchange:exchange"}


@click.command("login")
@connection_options
@click.option("--issuer", default="", help="Name or URL of the issuer; the gateway's first when not said.")
@click.option("--client-id", default="", help="OAuth client to log in as; the gateway's when not said.")
@click.option("--scope", default="", help="Scope to ask for; the gateway's when not said.")
@click.option("--use", type=click.Choice(["access_token", "id_token"]), help="Which token the gateway is shown.")
@click.option("--saml", default="", help="Name of a SAML provider of the gateway, to log in there instead.")
@click.option("--browser/--no-browser", default=True, help="Whether to open the page here.")
def login(
    url: str,
    token: str,
    token_file: str,
    ca: str,
    issuer: str,
    client_id: str,
    scope: str,
    use: str | None,
    saml: str,
    browser: bool,
) -> None:
    """Log in at the gateway's OpenID issuer with a code, or at a SAML provider, and keep the token for other commands.

    The token is kept in ~/.config/hoop, readable by you only, and refreshed when the issuer allows it.

    \b
    hoop login --url https://hoop.example.com
    hoop login --url https://hoop.example.com --saml partner
    hoop whoami --url https://hoop.example.com

    Exit codes: 0 logged in, 1 refused, 3 not reachable, 4 the issuer said no.
    """
    from twisted_hoop.approval.shown import visible
    from twisted_hoop.cli.openid import begin, discover, wait
    from twisted_hoop.cli.stored import make_login, store

    connection = _connection(Connection(url, token, token_file, ca))
    if saml:
        _log_in_by_saml(connection, saml, browser)
        return
    client = _client(connection.anonymous(), connection.ca, issuer, client_id, scope)
    metadata = discover(client)
    code = begin(client, metadata)
    # What the issuer sends is made safe for the terminal (R6); `begin` made sure that it is a web page that opens.
    click.echo(visible(f"Open {code.where} and enter the code {code.user_code}"), err=True)
    if browser:
        click.launch(code.complete)
    known = make_login(connection.address, client, use or "", wait(client, metadata, code))
    click.echo(f"logged in; the token is kept in {store(known)}", err=True)


def _log_in_by_saml(connection: Connection, name: str, browser: bool) -> None:
    """What is kept is a token of the gateway's own: it is not refreshed, people log in again."""
    from twisted_hoop.approval.shown import visible
    from twisted_hoop.cli.openid import Client
    from twisted_hoop.cli.saml import find_way, log_in
    from twisted_hoop.cli.stored import make_login, store

    api = connection.anonymous()
    way = find_way(api, name)
    answer = log_in(api, way, lambda text: click.echo(visible(text), err=True), browser)
    known = make_login(connection.address, Client(way.issuer, "", "", connection.ca), "access_token", answer)
    click.echo(f"logged in; the token is kept in {store(known)}", err=True)


@click.command("logout")
@connection_options
def logout(url: str, token: str, token_file: str, ca: str) -> None:
    """Forget the token of `hoop login`. The issuer may have a session of its own still.

    \b
    hoop logout --url https://hoop.example.com
    """
    from twisted_hoop.cli.stored import forget

    connection = _connection(Connection(url, token, token_file, ca))
    click.echo("logged out" if forget(connection.address) else "nobody was logged in", err=True)


@click.group("token", cls=LazyGroup, lazy=_MORE, invoke_without_command=True)
@connection_options
@json_option
@click.pass_context
def token(context: click.Context, url: str, token: str, token_file: str, ca: str, as_json: bool) -> None:
    """Print a token of `hoop login` that is good now, for programs that want one.

    With --json as an ExecCredential of client.authentication.k8s.io/v1, which kubectl reads.

    \b
    PGPASSWORD=$(hoop token) psql "host=hoop.example.com dbname=shop user=me"
    hoop token exchange --target shop --lifetime 5m

    Exit codes: 0 ok, 4 nobody is logged in.
    """
    connection = _connection(Connection(url, token, token_file, ca))
    context.obj = connection
    if context.invoked_subcommand is not None:
        return
    found, expires = connection.found_token()
    if as_json:
        from twisted_hoop.cli.output import print_json

        print_json(_exec_credential(found, expires))
    else:
        click.echo(found)


def _exec_credential(token: str, expires: float) -> dict[str, Any]:
    from datetime import UTC, datetime

    status: dict[str, Any] = {"token": token}
    if expires:
        status["expirationTimestamp"] = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}


def _connection(own: Connection) -> Connection:
    return own.over(click.get_current_context().find_object(Connection) or Connection())


def _client(api: Api, ca: str, issuer: str, client_id: str, scope: str) -> Client:
    """The issuer and client the gateway names, or those of the command line."""
    from twisted_hoop.cli.exits import CommandFailed
    from twisted_hoop.cli.openid import Client

    if issuer.startswith(("https://", "http://")) and client_id:
        return Client(issuer, client_id, scope or "openid", ca)
    offered = [each for each in api.get("/v1/login")["issuers"] if issuer in ("", each["name"], each["issuer"])]
    if not offered:
        raise CommandFailed("the gateway names no such issuer to log in at: say --issuer URL and --client-id")
    first = offered[0]
    return Client(first["issuer"], client_id or first["client_id"], scope or first["scope"], ca)
