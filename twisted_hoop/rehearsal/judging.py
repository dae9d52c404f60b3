"""What other rules would have said to commands that were recorded: for `hoop policy replay`. No I/O.

Each command is understood anew from its text, as in a rehearsal, and judged at the time it was sent. The full names of
tables are those the recording has. What a text alone does not tell, such as the operations of a file transfer, is not
judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from twisted_hoop.errors import HoopError
from twisted_hoop.model import Command, Effect, Facts, Peer, Session, Target
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.rehearsal.reading import command_of
from twisted_hoop.rehearsal.recorded import Recorded
from twisted_hoop.settings import Settings
from twisted_hoop.targets import target_of_section

_TEXTS: Mapping[str, frozenset[str] | None] = {
    "postgres": None,
    "ssh": frozenset({"exec", "shell", "line"}),
    "http": None,
    "kubernetes": None,
}
"""Protocol → the actions whose texts say it all; None for every action."""
_REQUEST = re.compile(r"([A-Z]+) (/[^ ?]*)(?:\?.*)?", re.DOTALL)
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Judgement:
    """What rules say to it."""

    effect: Effect
    rule: str
    reason: str = ""


class Judge:
    """The rules of a configuration, asked about the past. A target that people could ask for is open to them."""

    def __init__(self, settings: Settings) -> None:
        self._at = 0.0
        self._rules = RulePolicy(settings, lambda: self._at, lambda who, target, now: "recorded")
        self._targets = {section.name: target_of_section(section) for section in settings.targets}
        self._understood: dict[tuple[str, str, str], Command | None] = {}

    def judge(self, recorded: Recorded) -> Judgement | None:
        """What these rules say to it; None when its text does not tell what it was."""
        command = self._command(recorded)
        if command is None:
            return None
        target = self._targets.get(recorded.target)
        if target is None:
            return Judgement(Effect.DENY, "", f"there is no target {recorded.target}")
        self._at = recorded.at
        opening = self._rules.authorize(recorded.principal, target)
        if opening.effect is not Effect.ALLOW:
            return Judgement(Effect.DENY, opening.rule, opening.reason)
        return self._decided(recorded, target, command)

    def _decided(self, recorded: Recorded, target: Target, command: Command) -> Judgement:
        session = Session("replay", recorded.principal, target, Peer("127.0.0.1"), recorded.at)
        facts = tuple(_named(each, recorded.tables, len(command.facts) == 1) for each in command.facts)
        told = Command(command.action, command.text, facts)
        decision = self._rules.decide(session, told)
        return Judgement(decision.effect, decision.rule, decision.reason)

    def _command(self, recorded: Recorded) -> Command | None:
        key = (recorded.protocol, recorded.action, recorded.text)
        if key not in self._understood:
            if len(self._understood) >= _REMEMBERED:
                self._understood.clear()
            self._understood[key] = _understood(*key)
        return self._understood[key]


def _understood(protocol: str, action: str, text: str) -> Command | None:
    if protocol not in _TEXTS:
        return None
    wanted = _TEXTS[protocol]
    if wanted is not None and action not in wanted:
        return None
    if protocol == "http":
        return _request(text)
    try:
        return replace(command_of(protocol, "" if action == "shell" else text), action=action)
    except (ValueError, HoopError):
        return None


def _request(text: str) -> Command | None:
    """A plain request as recorded, `GET /path?query`; its host and type of content are not in the text."""
    found = _REQUEST.fullmatch(text)
    if found is None:
        return None
    method, path = found[1], found[2]
    facts = {"class": "read" if method in _READS else "write", "method": method, "path": path}
    return Command(method, text, ({name: frozenset({value}) for name, value in facts.items()},))


def _named(facts: Facts, tables: frozenset[str], alone: bool) -> Facts:
    """Facts with the full names of tables, which the target's catalogue gave when it was recorded."""
    if not tables or "table" not in facts:
        return facts
    full = {name: _full(facts[name], tables) for name in ("table", "table_read", "table_write") if name in facts}
    if alone:
        full["table"] = tables
    if "column" in facts:
        full["column"] = frozenset(column for name in facts["column"] for column in _columns(name, tables))
    schemas = frozenset(name.rpartition(".")[0] for name in full["table"] if "." in name)
    return {**facts, **full, "schema": facts.get("schema", frozenset()) | schemas}


def _columns(name: str, tables: frozenset[str]) -> Iterator[str]:
    """A column, with the full name of its table."""
    table, dot, column = name.rpartition(".")
    for full in _full(frozenset({table}), tables) if dot else ():
        yield f"{full}.{column}"
    if not dot:
        yield name


def _full(names: frozenset[str], tables: frozenset[str]) -> frozenset[str]:
    found: set[str] = set()
    for name in names:
        matching = {table for table in tables if table == name or table.endswith(f".{name}")}
        found |= matching or {name}
    return frozenset(found)
