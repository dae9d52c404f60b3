"""What other rules would have said to commands that were recorded: for `hoop policy replay`. No I/O.

Each command is understood anew from its text, as in a rehearsal, and judged at the time it was sent. The full names of
tables are those the recording has. What a text alone does not tell, such as the
operations of a file transfer, is counted and not judged.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from twisted_hoop.errors import HoopError
from twisted_hoop.model import Actor, Command, Effect, Facts, Kind, Peer, Principal, Session, Target
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.rehearsal import command_of
from twisted_hoop.settings import Settings
from twisted_hoop.targets import target_of_section

_TEXTS: Mapping[str, frozenset[str] | None] = {
    "postgres": None,
    "ssh": frozenset({"exec", "shell", "line"}),
    "http": None,
    "kubernetes": None,
}
"""Protocol → the actions whose texts say it all; None for every action."""
_REVIEWED = frozenset({"pending", "expired", "withdrawn"})
"""Codes of refusals behind a decision to ask people."""
_REQUEST = re.compile(r"([A-Z]+) (/[^ ?]*)(?:\?.*)?", re.DOTALL)
_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """One command of a recording: who sent what where and when, and what was decided then, by which rule."""

    session: str
    principal: Principal
    target: str
    protocol: str
    at: float
    action: str
    text: str
    tables: frozenset[str]
    effect: Effect
    rule: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What rules say to it."""

    effect: Effect
    rule: str
    reason: str = ""


def commands(session: str, entries: Iterable[Mapping[str, Any]]) -> Iterator[Recorded]:
    """The commands of one recording that policy decided. Entries of kinds nobody knows are passed over."""
    about: Mapping[str, Any] = {}
    for entry in entries:
        kind = entry.get("kind")
        if kind == "open":
            about = entry
        elif kind in ("command", "refused") and about:
            effect = _effect(entry)
            if effect is not None:
                yield _recorded(session, about, entry, effect)


def _effect(entry: Mapping[str, Any]) -> Effect | None:
    """What policy had said; None when the refusal was not policy's."""
    if entry["kind"] == "command":
        return Effect.REVIEW if entry.get("decision") == "review" else Effect.ALLOW
    code = str(entry.get("code", ""))
    if code == "denied" and entry.get("approval"):
        return Effect.REVIEW  # it was people who said no
    return Effect.DENY if code == "denied" else Effect.REVIEW if code in _REVIEWED else None


def _recorded(session: str, about: Mapping[str, Any], entry: Mapping[str, Any], effect: Effect) -> Recorded:
    return Recorded(
        session,
        _principal(_mapping(about.get("principal"))),
        str(about.get("target", "")),
        str(about.get("protocol", "")),
        _number(about.get("started")) + _number(entry.get("t")),
        str(entry.get("action", "")),
        str(entry.get("text", "")),
        frozenset(map(str, _list(entry.get("tables")))),
        effect,
        str(entry.get("rule") or ""),
    )


def _principal(told: Mapping[str, Any]) -> Principal:
    actors = map(_mapping, _list(told.get("chain")))
    chain = tuple(Actor(str(actor.get("issuer")), str(actor.get("subject"))) for actor in actors)
    return Principal(
        str(told.get("issuer", "")),
        str(told.get("subject", "")),
        str(told.get("name") or ""),
        frozenset(map(str, _list(told.get("groups")))),
        Kind.MACHINE if told.get("kind") == Kind.MACHINE.value else Kind.HUMAN,
        chain,
        str(told.get("proof") or "jwt"),
        within=tuple(_principal(_mapping(each)) for each in _list(told.get("within"))),
        targets=frozenset(map(str, _list(told["targets"]))) if "targets" in told else None,
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


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


@dataclass(slots=True)
class Change:
    """Commands that are decided in another way, for one reason: how many, of how many people, and some of them."""

    was: Effect
    now: Effect
    target: str
    old_rule: str
    new_rule: str
    reason: str
    count: int = 0
    people: set[str] = field(default_factory=set)
    examples: dict[str, Recorded] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """`denied`, `reviewed` or `allowed`: what is new."""
        return {Effect.DENY: "denied", Effect.REVIEW: "reviewed", Effect.ALLOW: "allowed"}[self.now]


class Tally:
    """What would change, added up. `keep` is how many different examples of each change are kept."""

    def __init__(self, keep: int = 3) -> None:
        self._keep = keep
        self._changes: dict[tuple[Any, ...], Change] = {}
        self.sessions = self.judged = self.same = 0
        self.unread: Counter[str] = Counter()
        """Sessions that could not be read, by why."""
        self.unjudged: Counter[str] = Counter()
        """Commands that were not judged, by protocol and action."""

    def add(self, recorded: Recorded, was: Judgement | None, now: Judgement | None) -> None:
        """One command, and what the two sides say to it."""
        if was is None or now is None:
            self.unjudged[f"{recorded.protocol} {recorded.action}"] += 1
            return
        self.judged += 1
        if was.effect is now.effect:
            self.same += 1
            return
        key = (was.effect, now.effect, recorded.target, was.rule, now.rule)
        change = self._changes.get(key)
        if change is None:
            change = self._changes[key] = Change(*key, now.reason)
        change.count += 1
        change.people.add(recorded.principal.key)
        if len(change.examples) < self._keep:
            change.examples.setdefault(recorded.text, recorded)

    def changes(self) -> list[Change]:
        """What is new: denials first, then reviews, then what is let through; the most frequent first."""
        order = {Effect.DENY: 0, Effect.REVIEW: 1, Effect.ALLOW: 2}
        return sorted(self._changes.values(), key=lambda each: (order[each.now], -each.count, each.target))

    def counts(self) -> dict[str, int]:
        """Commands newly `denied`, `reviewed` and `allowed`."""
        found = Counter({"denied": 0, "reviewed": 0, "allowed": 0})
        for change in self._changes.values():
            found[change.kind] += change.count
        return dict(found)
