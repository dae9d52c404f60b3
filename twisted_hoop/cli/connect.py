"""`hoop targets`, `hoop dsn`, `hoop psql`: what an ordinary client needs to get in; all of it optional."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from twisted_hoop.cli.options import Connection, connection_options, json_option, with_api

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api


@click.command("targets")
@with_api
@json_option
def targets(api: Api, as_json: bool) -> None:
    """List the targets that are open to you, and where clients reach them.

    \b
    hoop targets --url https://hoop.example.com

    Exit codes: 0 ok, 3 not reachable, 4 not authenticated.
    """
    from twisted_hoop.cli.output import print_json, print_table

    found = api.get("/v1/targets")["targets"]
    if as_json:
        print_json(found)
        return
    rows = [[each["name"], each["protocol"], _places(each), _labels(each)] for each in found]
    print_table(("target", "protocol", "reached at", "labels"), rows)


@click.command("dsn")
@connection_options
@click.argument("target")
@click.option("--database", default="", help="A further database of the target.")
@click.option("--uri", is_flag=True, help="As a postgresql:// URI.")
def dsn(url: str, token: str, token_file: str, ca: str, target: str, database: str, uri: bool) -> None:
    """Print the connection string of a PostgreSQL TARGET, without the token: give that as PGPASSWORD.

    \b
    PGPASSWORD=$(hoop token) psql "$(hoop dsn shop)"

    Exit codes: 0 ok, 1 no such target is open to you, 3 not reachable, 4 not authenticated.
    """
    connection = _connection(url, token, token_file, ca)
    fields = _fields(connection, target, database)
    click.echo(_as_uri(fields) if uri else " ".join(f"{name}={_quoted(value)}" for name, value in fields.items()))


@click.command("psql", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@connection_options
@click.option("--database", default="", help="A further database of the target.")
@click.argument("target")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(
    url: str, token: str, token_file: str, ca: str, database: str, target: str, arguments: tuple[str, ...]
) -> None:
    """Run the psql of this machine on TARGET with your token; what follows TARGET is psql's own.

    \b
    hoop psql shop -c "select count(*) from orders"

    Exit codes: psql's own; 1 no such target or no psql, 3 not reachable, 4 not authenticated.
    """
    import os
    import shutil

    from twisted_hoop.cli.client import is_loopback
    from twisted_hoop.cli.exits import CommandFailed

    connection = _connection(url, token, token_file, ca)
    program = shutil.which("psql")
    if program is None:
        raise CommandFailed("there is no psql on this machine: install PostgreSQL's client, or use hoop dsn")
    fields = _fields(connection, target, database)
    if "sslmode" not in fields and not (fields["host"].startswith("/") or is_loopback(fields["host"])):
        raise CommandFailed(f"{target} is reached without TLS: the token is not sent there in the clear")
    place = " ".join(f"{name}={_quoted(value)}" for name, value in fields.items())
    environment = {**os.environ, "PGPASSWORD": connection.found_token()[0]}
    os.execve(program, [program, place, *arguments], environment)  # noqa: S606 - psql itself, found on the path


def _connection(url: str, token: str, token_file: str, ca: str) -> Connection:
    outer = click.get_current_context().find_object(Connection) or Connection()
    return Connection(url, token, token_file, ca).over(outer)


def _fields(connection: Connection, name: str, database: str) -> dict[str, str]:
    """libpq's keywords (PostgreSQL manual, 32.1.2)."""
    from twisted_hoop.cli.exits import CommandFailed

    api = connection.api()
    found = [each for each in api.get("/v1/targets")["targets"] if each["name"] == name]
    if not found:
        raise CommandFailed(f"no target {name!r} is open to you; hoop targets lists those that are")
    places = [each for each in found[0]["listeners"] if "oauth" not in each["auth"]]
    if found[0]["protocol"] != "postgres" or not places:
        raise CommandFailed(f"{name} is not reached with PostgreSQL's protocol and a token")
    who = api.get("/v1/whoami")
    place = min(places, key=lambda each: not each["tls"])
    fields = {"host": place["host"], "dbname": f"{name}/{database}" if database else name}
    if place["port"]:
        fields["port"] = str(place["port"])
    fields["user"] = str(who["name"] or who["subject"])
    if place["tls"]:
        fields |= {"sslmode": "verify-full", "sslrootcert": connection.ca or "system"}
    return fields


def _as_uri(fields: dict[str, str]) -> str:
    from urllib.parse import quote, urlencode

    rest = {name: value for name, value in fields.items() if name not in ("host", "port", "dbname", "user")}
    host = f"[{fields['host']}]" if ":" in fields["host"] else quote(fields["host"], safe="")
    port = f":{fields['port']}" if "port" in fields else ""
    query = f"?{urlencode(rest)}" if rest else ""
    return f"postgresql://{quote(fields['user'], safe='')}@{host}{port}/{quote(fields['dbname'], safe='')}{query}"


def _quoted(value: str) -> str:
    if value and not any(character.isspace() or character in "'\\" for character in value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _places(target: dict[str, Any]) -> str:
    return ", ".join(f"{each['host']}:{each['port']}" if each["port"] else each["host"] for each in target["listeners"])


def _labels(target: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(target["labels"].items()))
