"""What the rules would say to a command nobody sends: for `hoop policy`, the API's and the console's "may I?".

Nothing is run, filed or recorded. Names in SQL stand as they are written, where the gateway itself asks the target's
catalogue what they mean; a shell command is judged as an exec, no text at all as an interactive shell; a request is
written as it goes over the wire, or as kubectl is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.messages import RequestHead
from twisted_hoop.http.plain import PlainDialect
from twisted_hoop.kubernetes.words import command_of_words
from twisted_hoop.model import Command, Decision, Effect, Facts, Peer, Principal, Session, Target
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import TargetSection
from twisted_hoop.shell.understanding import Understanding
from twisted_hoop.sql.reader import PROBLEM_FACTS, understand

Reader = Callable[[str], Command]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`opening` says whether the target opens at all, `decision` (with its trace) what the rules say to the command,
    `masks` names those that would apply, `facts` what the command was understood to do."""

    opening: Decision
    decision: Decision
    masks: frozenset[str]
    facts: tuple[Facts, ...]

    @property
    def effect(self) -> Effect:
        """What would happen: a target that does not open denies everything."""
        return self.decision.effect if self.opening.effect is Effect.ALLOW else Effect.DENY


def rehearse(rules: RulePolicy, principal: Principal, target: Target, text: str) -> Rehearsal:
    """The whole answer. Raises ValueError when the target's protocol has no commands of text."""
    session = Session("rehearsal", principal, target, Peer("127.0.0.1"), 0.0)
    command = command_of(target.protocol, text)
    decision = rules.explain(session, command)
    masks = decision.masks | {mask.name for mask in rules.masks_for(principal, target)}
    facts = tuple({name: frozenset(map(_shown, values)) for name, values in each.items()} for each in command.facts)
    return Rehearsal(rules.authorize(principal, target), decision, masks, facts)


def _shown(value: str) -> str:
    """Facts of shells may hold bytes that are no Unicode, which JSON cannot carry (S19)."""
    return value.encode("utf-8", "backslashreplace").decode()


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
