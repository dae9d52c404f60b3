"""Exit codes of every `hoop` command, and the errors that carry them."""

from __future__ import annotations

from typing import IO, Any

import click

OK = 0
REFUSED = 1
USAGE = 2
UNREACHABLE = 3
UNAUTHENTICATED = 4

HELP = "Exit codes: 0 ok, 1 refused or not as it should be, 2 usage, 3 not reachable, 4 not authenticated."


class CommandFailed(click.ClickException):
    """Ends the command with a message on stderr. What came from elsewhere in it is made safe for a terminal (R6)."""

    def __init__(self, message: str, code: int = REFUSED) -> None:
        from twisted_hoop.approval.shown import visible

        super().__init__(visible(message))
        self.exit_code = code  # type: ignore[misc]  # click reads it off the instance

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it as `hoop: …`."""
        click.echo(f"hoop: {self.message}", file=file, err=file is None)
