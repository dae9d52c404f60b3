"""Options several commands share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from twisted_hoop.cli.client import Api

Function = TypeVar("Function", bound=Callable[..., Any])

DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach the API; "" where nothing was said. `hoop`'s own options are the context's object."""

    url: str = ""
    token: str = ""
    token_file: str = ""
    ca: str = ""

    def over(self, other: Connection) -> Connection:
        """These, and the other's where nothing was said here. A token named here replaces a token file there."""
        token, file = (self.token, self.token_file)
        if not (token or file):
            token, file = other.token, other.token_file
        return Connection(self.url or other.url, token, file, self.ca or other.ca)

    @property
    def address(self) -> str:
        """Where the API is."""
        return (self.url or DEFAULT_URL).rstrip("/")

    def api(self) -> Api:
        """The client, with the token that was named, or that of `hoop login`, or none."""
        from twisted_hoop.cli.client import Api

        return Api(self.address, self._named() or self._of_login()[0], self.ca)

    def anonymous(self) -> Api:
        """The client without any token."""
        from twisted_hoop.cli.client import Api

        return Api(self.address, "", self.ca)

    def found_token(self) -> tuple[str, float]:
        """(the token, when it ends or 0.0 when nobody knows); CommandFailed when there is none."""
        from twisted_hoop.cli.exits import UNAUTHENTICATED, CommandFailed

        named = self._named()
        token, expires = (named, 0.0) if named else self._of_login()
        if not token:
            raise CommandFailed(f"nobody is logged in at {self.address}: run hoop login", UNAUTHENTICATED)
        return token, expires

    def _named(self) -> str:
        return self.token or token_in(self.token_file)

    def _of_login(self) -> tuple[str, float]:
        from twisted_hoop.cli.stored import fresh, stored

        login = stored(self.address)
        if login is None:
            return "", 0.0
        login = fresh(login)
        return login.token, login.expires


def token_in(path: str, option: str = "--token-file") -> str:
    """What is in a file of a token, "" for no file; UsageError when it cannot be read."""
    if not path:
        return ""
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, ValueError) as fault:
        raise click.UsageError(f"{option}: {fault}") from fault


def connection_options(function: Function) -> Function:
    """--url, --token, --token-file, --ca: as arguments `url`, `token`, `token_file`, `ca`."""
    options = (
        click.option("--url", default="", help=f"Where the API is (HOOP_URL); {DEFAULT_URL} when not said."),
        click.option("--token", default="", help="Token (HOOP_TOKEN). Others on this machine may see arguments."),
        click.option("--token-file", default="", help="File with the token (HOOP_TOKEN_FILE)."),
        click.option("--ca", default="", help="PEM file of the CA that signed the API's certificate (HOOP_CA)."),
    )
    for option in reversed(options):
        function = option(function)
    return function


def with_api(function: Callable[..., Any]) -> Callable[..., Any]:
    """A command that talks to the API: it is called with `api`. Its own options come before `hoop`'s."""

    @wraps(function)
    def called(*arguments: Any, url: str, token: str, token_file: str, ca: str, **rest: Any) -> Any:
        outer = click.get_current_context().find_object(Connection) or Connection()
        return function(*arguments, api=Connection(url, token, token_file, ca).over(outer).api(), **rest)

    return connection_options(called)


def json_option(function: Function) -> Function:
    """--json, as argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(function)
