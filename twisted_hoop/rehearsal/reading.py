"""The command that a text would be, which nobody sends.

Names in SQL stand as they are written, where the gateway itself asks the target's catalogue what they mean; a shell
command is judged as an exec, no text at all as an interactive shell; a request is written as it goes over the wire, or
as kubectl is told.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.messages import RequestHead
from twisted_hoop.http.plain import PlainDialect
from twisted_hoop.kubernetes.words import command_of_words
from twisted_hoop.model import Command
from twisted_hoop.settings import TargetSection
from twisted_hoop.shell.understanding import Understanding
from twisted_hoop.sql.reader import PROBLEM_FACTS, understand

Reader = Callable[[str], Command]


def command_of(protocol: str, text: str) -> Command:
    """The command a text would be on a target of that protocol, or ValueError."""
    reader = READERS.get(protocol)
    if reader is None:
        raise ValueError(f"nothing is known of commands over {protocol}")
    return reader(text)


def _sql(text: str) -> Command:
    known = understand(text)
    facts = (PROBLEM_FACTS[known.problem],) if known.problem else tuple(s.facts for s in known.statements)
    return Command("query", text, facts)


def _shell(text: str) -> Command:
    if not text:
        return Command("shell", "", ({"class": frozenset({"shell"})},))
    known = Understanding().understand(text.encode("utf-8", "backslashreplace"))
    return Command("exec", text, known.facts)


def _request(text: str) -> Command:
    """`GET /v1/orders/7`, or with the host: `GET https://orders.example.com/v1/orders/7`."""
    method, _, where = text.strip().partition(" ")
    parts = urlsplit(where)
    if not parts.path.startswith("/") or not method.isalpha() or not where.isascii():
        raise ValueError("write a request: GET /v1/orders, or GET https://host/v1/orders")
    query = parts.query.encode()
    head = RequestHead(method.upper().encode(), parts.path.encode(), query, parts.netloc.encode(), ())
    section = TargetSection(name="rehearsal", protocol="http", endpoint="tcp:rehearsal:443")
    try:
        reading = PlainDialect(section, b"rehearsal").read(head)
    except ProtocolError as error:
        raise ValueError(str(error)) from None
    return Command(reading.action, reading.text, reading.facts)


READERS: dict[str, Reader] = {"postgres": _sql, "ssh": _shell, "http": _request, "kubernetes": command_of_words}
"""Protocol → how its texts are understood."""
