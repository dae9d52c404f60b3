"""What is asked of the gate, and what masks forbid whatever the gate says: from readings to Commands, pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from twisted_hoop.model import Command, Decision, Effect, Facts, Refusal
from twisted_hoop.policy.findings import FOUND
from twisted_hoop.policy.sql import reason_of
from twisted_hoop.policy.statements import Statement
from twisted_hoop.postgres.knowledge import Knowledge
from twisted_hoop.postgres.reading import NOTHING, UNKNOWN_FACTS, Guard, Read, Reading
from twisted_hoop.postgres.registry import Prepared
from twisted_hoop.postgres.state import State


@dataclass(frozen=True, slots=True)
class Question:
    """A command about to be judged, with what each of its statements may turn out to be."""

    command: Command
    resolved: tuple[tuple[Read, ...], ...]
    moves_path: bool = False


def context_of(state: State) -> tuple[tuple[str, str], ...]:
    """What changes the meaning of a text: part of what is approved (P18)."""
    path = state.names_path()
    shown = "unknown" if path is None else ",".join(path)
    return (("database", state.database), ("search_path", shown))


def query_question(state: State, reading: Reading) -> Question:
    """The whole text of a Query message."""
    facts, resolved = _resolve(state, reading) if reading.indirect else (reading.facts, _plain(reading))
    command = Command("query", reading.text, facts, (), context_of(state), reason_of(reading.text))
    return Question(command, resolved, moves_path(reading.reads))


def parse_question(state: State, reading: Reading) -> Question:
    """A Parse: a denial holds now, a review is asked for when it is executed."""
    facts, resolved = _resolve(state, reading) if reading.indirect else (reading.facts, _plain(reading))
    command = Command("prepare", reading.text, facts, (), context_of(state), executes=False)
    return Question(command, resolved)


def execute_question(
    state: State, candidates: tuple[Prepared, ...], parameters: tuple[str | None, ...], found: frozenset[str]
) -> Question:
    """An Execute: everything its portal may stand for, with the parameters it was bound to."""
    facts: list[Facts] = []
    reads: list[Read] = []
    for prepared in candidates:
        more, resolved = _again(state, prepared)
        facts += more
        reads += [r for choices in resolved for r in choices]
    if found:
        facts = [{**f, FOUND: found} for f in facts]
    text = candidates[-1].text if candidates else ""
    command = Command("execute", text, tuple(facts) or (UNKNOWN_FACTS,), parameters, context_of(state), reason_of(text))
    return Question(command, (tuple(reads),), moves_path(reads))


def _again(state: State, prepared: Prepared) -> tuple[tuple[Facts, ...], tuple[tuple[Read, ...], ...]]:
    """A prepared text, read by what is known now: names may have changed since it was prepared."""
    reading = prepared.reading
    if reading is None:
        return prepared.facts, (prepared.reads,)
    path = state.names_path()
    fresh = state.knowledge.reading(reading.text, path)
    return _resolve(state, fresh) if fresh.indirect else (fresh.facts, _plain(fresh))


def _plain(reading: Reading) -> tuple[tuple[Read, ...], ...]:
    return tuple((read,) for read in reading.reads)


def _resolve(state: State, reading: Reading) -> tuple[tuple[Facts, ...], tuple[tuple[Read, ...], ...]]:
    """EXECUTE and FETCH become what they run: all candidates, also those prepared earlier in the same text."""
    local: dict[str, list[Prepared]] = {}
    facts: list[Facts] = []
    resolved: list[tuple[Read, ...]] = []
    for read, own in zip(reading.reads, reading.facts, strict=True):
        statement = read.statement
        if statement.prepares or statement.declares:
            local.setdefault(statement.prepares or statement.declares, []).append(prepared_of(read, own))
        name = _indirection(read)
        if not name:
            facts.append(own)
            resolved.append((read,))
            continue
        choices = [*local.get(name, ()), *_known(state, read, name)]
        facts.append(own if _class_of(own) - {"execute", "cursor"} else {**own, "class": frozenset({"read"})})
        facts += [f for c in choices for f in _again(state, c)[0]] if choices else [UNKNOWN_FACTS]
        resolved.append(tuple(r for c in choices for r in _reads_again(state, c)))
    return tuple(facts), tuple(resolved)


def _reads_again(state: State, prepared: Prepared) -> tuple[Read, ...]:
    return tuple(r for choices in _again(state, prepared)[1] for r in choices)


def _class_of(facts: Facts) -> frozenset[str]:
    return facts.get("class", NOTHING)


def _indirection(read: Read) -> str:
    statement: Statement | None = read.statement
    while statement is not None:
        if statement.executes or statement.fetches:
            return statement.executes or statement.fetches
        statement = statement.inner
    return ""


def _known(state: State, read: Read, name: str) -> Iterable[Prepared]:
    raw = name.encode()
    yield from state.registry.prepared(raw, -2)
    for portal in state.registry.portals(raw, -2):
        yield from portal.candidates


def prepared_of(read: Read, facts: Facts) -> Prepared:
    """What SQL PREPARE or DECLARE makes."""
    statement = read.statement
    name = (statement.prepares or statement.declares).encode()
    return Prepared(name, statement.text, (facts,), (read,))


def moves_path(reads: Iterable[Read]) -> bool:
    """Whether names may mean something else once this has run."""
    return any(
        read.statement.resets_all
        or any(name in ("search_path", "?") for name, _ in read.statement.sets)
        or _class_of(read.statement.facts) & {"dynamic", "transaction"}
        for read in reads
    )


def guard_refusal(command: Command, guard: Guard) -> Refusal:
    """A refusal no rule can lift."""
    return Refusal(command, Decision(Effect.DENY, guard.rule, guard.reason), "denied", guard.reason, guard.hint)


def mask_refusal(question: Question, effective: frozenset[str], knowledge: Knowledge) -> Refusal | None:
    """What masks forbid: copying masked values where they are not masked (M7), comparing, opaque results (M5)."""
    every = knowledge.column_masks & effective
    if not every:
        return None
    for choices in question.resolved:
        for read in choices:
            found = _forbidden(read, every, knowledge)
            if found is not None:
                name, reason, hint = found
                decision = Decision(Effect.DENY, f"mask: {name}", reason)
                return Refusal(question.command, decision, "denied", reason, hint)
    return None


def _forbidden(read: Read, every: frozenset[str], knowledge: Knowledge) -> tuple[str, str, str] | None:
    stored = read.stored & every
    if stored or (read.stores_opaque and every):
        name = min(stored or every)
        return name, "this would copy masked values to where they are not masked", "Leave the masked columns out."
    compared = {n for n in read.compared & every if knowledge.sections[n].predicates == "deny"}
    if compared:
        return min(compared), "masked columns may not be compared, joined or sorted on", "Use another column."
    strict = {n for n in every if knowledge.sections[n].opaque == "deny"}
    if strict and read.opaque:
        return min(strict), "the origin of a result column cannot be shown", "Select the columns by name."
    return None
