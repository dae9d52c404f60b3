"""The tour: commands ready to paste, in order. What is printed here is what `--check` runs."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from twisted_hoop.demo.database import DATABASE, programs
from twisted_hoop.demo.gateway import program
from twisted_hoop.demo.place import HOST, Place, Ports
from twisted_hoop.demo.tokens import delegated_name

_WITH_TLS = 17
"""The psql for machines that have none: the build of version 18 that the Python index has does not speak TLS."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One command. `name` is what the checks know it by, `says` what is to be seen."""

    name: str
    says: str
    command: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """Commands that belong together."""

    title: str
    stops: tuple[Stop, ...]


class Tour:
    """Commands for one place and its ports. Paths are written as short as the current folder allows."""

    def __init__(self, place: Place, ports: Ports) -> None:
        self._place = place
        self._ports = ports
        self._psql = _shell(["psql" if shutil.which("psql") else _short(programs(_WITH_TLS) / "psql")])
        self._program = _shell([_short(Path(word)) if word.startswith("/") else word for word in program("hoop")])

    def chapters(self) -> list[Chapter]:
        """All of it, in order."""
        return [self._masking(), self._policy(), self._approval(), self._own(), self._recording(), self._browser()]

    @property
    def console(self) -> str:
        """Where the console is."""
        return f"http://{HOST}:{self._ports.api_port}"

    def psql(self, who: str, sql: str, options: str = "", token: str = "") -> str:
        """psql as somebody, through the gateway, with the token as password."""
        file = shlex.quote(_short(self._place.tokens / (token or who)))
        where = f"host={HOST} port={self._ports.port} dbname={DATABASE} user={who} sslmode=verify-full"
        trust = f"sslrootcert={_libpq(_short(self._place.authority))}"
        return f'PGPASSWORD=$(cat {file}) {self._psql} "{where} {trust}" {options}-c "{sql}"'

    def hoop(self, who: str, words: str) -> str:
        """The `hoop` command as somebody."""
        file = shlex.quote(_short(self._place.tokens / who))
        return f"{self._program} --url http://{HOST}:{self._ports.api_port} --token-file {file} {words}"

    def _masking(self) -> Chapter:
        customers = "select name, card_number, ssn, email from customers order by id limit 3"
        json = "select to_json(c) from customers c where id = 1"
        stops = (
            Stop(
                "cells",
                "The CI bot reads customers: cards, SSNs and addresses are masked",
                self.psql("ci-bot", customers),
            ),
            Stop("json", "a whole row as JSON: masked", self.psql("ci-bot", json)),
            Stop("copy", "COPY: masked", self.psql("ci-bot", "copy customers (name, card_number, ssn) to stdout")),
            Stop(
                "documents",
                "keys inside JSON: found and masked",
                self.psql("ci-bot", "select service, data from api_keys limit 2"),
            ),
            Stop(
                "oracle",
                "asking whose card begins with 4111: refused",
                self.psql("ci-bot", "select name from customers where card_number like '4111%'"),
            ),
        )
        return Chapter("What the CI bot sees", stops)

    def _policy(self) -> Chapter:
        update = "update orders set status = 'paid' where id = 1"
        verbose = "-v VERBOSITY=verbose "
        stops = (
            Stop("drop", "DROP is refused, also to the DBA", self.psql("bob", "drop table orders", verbose)),
            Stop(
                "agent",
                "an agent with alice's rights only looks",
                self.psql("alice", update, verbose, token=delegated_name()),
            ),
            Stop("update", "alice herself may", self.psql("alice", update)),
        )
        return Chapter("What is refused", stops)

    def _approval(self) -> Chapter:
        stops = (
            Stop(
                "delete", "DELETE waits, and names the request", self.psql("alice", "delete from orders where id = 7")
            ),
            Stop("list", "in another terminal: what waits for bob", self.hoop("bob", "approvals list")),
            Stop("approve", "bob approves, and the DELETE runs", self._decision("bob", "approve")),
        )
        return Chapter("Four eyes", stops)

    def _own(self) -> Chapter:
        stops = (
            Stop("own", "bob, an approver, deletes: it waits", self.psql("bob", "delete from orders where id = 8")),
            Stop("self", "in another terminal: nobody approves their own", self._decision("bob", "approve")),
            Stop("deny", "carol denies, and bob is told", self._decision("carol", "deny") + ' --comment "not today"'),
        )
        return Chapter("Nobody approves their own", stops)

    def _recording(self) -> Chapter:
        newest = self.hoop("carol", "sessions list --subject alice --ids --limit 1")
        verify = f"{self._program} verify --state {shlex.quote(_short(self._place.state))}"
        stops = (
            Stop("sessions", "who was there", self.hoop("carol", "sessions list --limit 5")),
            Stop("replay", "alice's DELETE, with who approved it", self.hoop("carol", f"sessions replay $({newest})")),
            Stop("verify", "every recording is whole and signed (no gateway needed)", verify),
        )
        return Chapter("What was recorded", stops)

    def _browser(self) -> Chapter:
        says = "the console: log in as bob or carol, decide with one click, look at sessions"
        return Chapter("In a browser", (Stop("console", says, f"{self.console}/"),))

    def _decision(self, who: str, verb: str) -> str:
        newest = self.hoop(who, "approvals list --ids --limit 1")
        return self.hoop(who, f"approvals {verb} $({newest})") + (" --yes" if verb == "approve" else "")


def printed(chapters: list[Chapter]) -> Iterator[str]:
    """The tour as text, one piece at a time."""
    number = 0
    for chapter in chapters:
        yield f"\n{chapter.title}"
        for stop in chapter.stops:
            number += 1
            yield f"\n {number:2}  {stop.says}\n     {stop.command}"


def _short(path: Path) -> str:
    """Relative to the current folder when it lies in there."""
    here = Path.cwd()
    return os.fspath(path.relative_to(here)) if path.is_relative_to(here) else os.fspath(path)


def _shell(words: list[str]) -> str:
    return " ".join(shlex.quote(word) for word in words)


def _libpq(value: str) -> str:
    """A value inside a connection string inside double quotes."""
    if value.isascii() and all(c.isalnum() or c in "/._-+@" for c in value):
        return value
    inner = value.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + "".join("\\" + c if c in '\\"$`' else c for c in inner) + "'"
