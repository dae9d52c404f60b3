"""What is asked of the gate, and what masks forbid whatever the gate says: from readings to Commands, pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from twisted_hoop.model import Command, Decision, Effect, Facts, Refusal
from twisted_hoop.policy.findings import FOUND
from twisted_hoop.postgres.knowledge import Knowledge
from twisted_hoop.postgres.reading import NOTHING, UNKNOWN_FACTS, Guard, Read, Reading
from twisted_hoop.postgres.registry import Portal, Prepared
from twisted_hoop.postgres.state import State
from twisted_hoop.sql.reader import reason_of
from twisted_hoop.sql.statements import Statement

Path = tuple[str, ...] | None
Context = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, init=False)
class Question:
    """A command about to be judged, with what each of its statements may turn out to be.

    `own` are the statements themselves, before EXECUTE and FETCH became what they run: what they change in the session.
    """

    command: Command
    resolved: tuple[tuple[Read, ...], ...]
    own: tuple[tuple[Read, ...], ...]
    moves_path: bool

    def __init__(
        self,
        command: Command,
        resolved: tuple[tuple[Read, ...], ...],
        own: tuple[tuple[Read, ...], ...] = (),
        moves_path: bool = False,
    ) -> None:
        object.__setattr__(self, "command", command)
        object.__setattr__(self, "resolved", resolved)
        object.__setattr__(self, "own", own)
        object.__setattr__(self, "moves_path", moves_path)


def context_of(state: State) -> Context:
    """What changes the meaning of a text: part of what is approved (P18)."""
    path = state.names_path()
    known = state.context
    if known is None or known[0] != path:
        known = state.context = (path, (("database", state.database), ("search_path", _shown(path))))
    return known[1]


def _shown(path: Path) -> str:
    return "unknown" if path is None else ",".join(path)


def query_question(state: State, reading: Reading) -> Question:
    """The whole text of a Query message."""
    facts, resolved = _resolve(state, reading) if reading.indirect else (reading.facts, reading.own)
    command = Command("query", reading.text, facts, (), context_of(state), _reason(reading.text))
    moves = moves_path(state, reading.reads) or (reading.indirect and any(moves_path(state, r) for r in resolved))
    return Question(command, resolved, reading.own, moves)


def parse_question(state: State, reading: Reading) -> Question:
    """A Parse: a denial holds now, a review is asked for when it is executed."""
    facts, resolved = _resolve(state, reading) if reading.indirect else (reading.facts, reading.own)
    command = Command("prepare", reading.text, facts, (), context_of(state), executes=False)
    return Question(command, resolved)


def execute_question(
    state: State, portal: Portal | None, parameters: tuple[str | None, ...], context: Context = ()
) -> Question:
    """An Execute: everything its portal may stand for, with the parameters it was bound to.

    Its tables were looked up when it was bound; where the search_path differs now, both meanings are judged (P18).
    """
    candidates = portal.candidates if portal is not None else ()
    path = state.names_path()
    paths = (path,) if portal is None or portal.path == path else (portal.path, path)
    if len(candidates) == len(paths) == 1:
        facts, resolved, own = _again(state, candidates[0], path)
    else:
        facts, resolved, own = _together(state, candidates, paths)
    if portal is not None and portal.found:
        facts = tuple({**f, FOUND: portal.found} for f in facts)
    text = _every_text(candidates)
    context = context_of(state) + context
    if len(paths) > 1:
        context += tuple(("search_path when bound", _shown(p)) for p in paths[:-1])
    command = Command("execute", text, facts or (UNKNOWN_FACTS,), parameters, context, _reason(text))
    moves = _any_moves(state, own) or (resolved is not own and _any_moves(state, resolved))
    return Question(command, resolved, own, moves)


def _any_moves(state: State, choices: tuple[tuple[Read, ...], ...]) -> bool:
    return any(moves_path(state, reads) for reads in choices)


def _reason(text: str) -> str:
    return reason_of(text) if "--" in text else ""


def _every_text(candidates: tuple[Prepared, ...]) -> str:
    """What people are shown, and what is recorded: everything that may run (A3)."""
    if len(candidates) == 1:
        return candidates[0].text
    texts = dict.fromkeys(c.text for c in candidates)
    return next(iter(texts), "") if len(texts) < 2 else "\n-- or, which cannot be told yet:\n".join(texts)


_DEPTH = 4

Known = tuple[tuple[Facts, ...], tuple[tuple[Read, ...], ...], tuple[tuple[Read, ...], ...]]
"""Facts, what may run for each statement, and the statements themselves."""


def _together(state: State, candidates: tuple[Prepared, ...], paths: tuple[Path, ...]) -> Known:
    """Several meanings of one name: all of them are judged, and what is answered may come of any."""
    every = [_again(state, prepared, path) for prepared in candidates for path in paths]
    facts = tuple(f for known in every for f in known[0])
    reads = tuple(r for known in every for choices in known[1] for r in choices)
    own = tuple(r for known in every for choices in known[2] for r in choices)
    return facts, (reads,), (own,)


def _again(state: State, prepared: Prepared, path: Path, depth: int = 0) -> Known:
    """A prepared text, read by what is known now: names may have changed since it was prepared."""
    if prepared.reading is None:
        return _inside(state, prepared, path)
    fresh = state.knowledge.reading(prepared.text, path)
    if fresh.indirect:
        return (*_resolve(state, fresh, depth + 1), fresh.own)
    return fresh.facts, fresh.own, fresh.own


def _inside(state: State, prepared: Prepared, path: Path) -> Known:
    """What SQL PREPARE or DECLARE wraps: its own facts, its lineage traced through the wrapper."""
    fresh = state.knowledge.reading(prepared.text, path)
    if not fresh.reads:
        return prepared.facts, (prepared.reads,), ((),)
    read = fresh.reads[0]
    inner = read.statement.inner
    facts = fresh.facts[:1] if inner is None else (state.knowledge.facts(inner, path),)
    return facts, ((read,),), ((),)


def _resolve(state: State, reading: Reading, depth: int = 0) -> tuple[tuple[Facts, ...], tuple[tuple[Read, ...], ...]]:
    """EXECUTE and FETCH become what they run: all candidates, also those prepared earlier in the same text.

    A Parse may hold the EXECUTE of another one, or of itself: what lies deeper than `_DEPTH` is not known (P10).
    """
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
        choices = [*local.get(name, ()), *_known(state, read, name)] if depth < _DEPTH else []
        known = [_again(state, c, state.names_path(), depth) for c in choices]
        facts.append(own if _class_of(own) - {"execute", "cursor"} else {**own, "class": frozenset({"read"})})
        facts += [f for each in known for f in each[0]] if known else [UNKNOWN_FACTS]
        runs = tuple(r for each in known for some in each[1] for r in some)
        resolved.append(tuple(map(_stored, runs)) if _creates(read) else runs)
    return tuple(facts), tuple(resolved)


def _creates(read: Read) -> bool:
    """CREATE TABLE … AS EXECUTE, also inside EXPLAIN: what it runs is stored (M7)."""
    statement: Statement | None = read.statement
    while statement is not None and not (statement.executes and statement.kind == "create"):
        statement = statement.inner
    return statement is not None


def _stored(read: Read) -> Read:
    return replace(read, stored=read.stored | read.touched, stores_opaque=read.stores_opaque or read.opaque)


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


def moves_path(state: State, reads: Iterable[Read]) -> bool:
    """Whether names may mean something else once this has run; the end of a transaction may take a SET back."""
    for read in reads:  # noqa: SIM110  it runs for every command
        if read.moves_path or (read.ends_transaction and state.path_dirty):
            return True
    return False


def guard_refusal(command: Command, guard: Guard) -> Refusal:
    """A refusal no rule can lift."""
    return Refusal(command, Decision(Effect.DENY, guard.rule, guard.reason), "denied", guard.reason, guard.hint)


def explained(refusal: Refusal, knowledge: Knowledge) -> Refusal:
    """The refusal of a text that nobody can read with what the parser says of it: as a rule it is a slip."""
    facts = refusal.command.facts
    if refusal.code != "denied" or not any("unknown" in each.get("class", ()) for each in facts):
        return refusal
    why = knowledge.why_unknown(refusal.command.text)
    return replace(refusal, hint=f"Not understood: {why}. {refusal.hint}".rstrip()) if why else refusal


def mask_refusal(question: Question, effective: frozenset[str], knowledge: Knowledge) -> Refusal | None:
    """What masks forbid: copying masked values where they are not masked (M7), comparing, opaque results (M5)."""
    every = knowledge.column_masks & effective
    if not every:
        return None
    found = next((f for f in _objections(question, every, knowledge) if f is not None), None)
    if found is None:
        return None
    name, reason, hint = found
    return Refusal(question.command, Decision(Effect.DENY, f"mask: {name}", reason), "denied", reason, hint)


def _objections(question: Question, every: frozenset[str], knowledge: Knowledge) -> Iterable[Objection | None]:
    for choices in question.resolved:
        for read in choices:
            yield _stores(read, every) or _forbidden(read, every, knowledge)
    for choices in question.own:  # what EXECUTE is given goes into a statement that may show it again (M1)
        for read in choices:
            yield _stores(read, every) if _indirection(read) else None


Objection = tuple[str, str, str]
"""Mask, reason, hint."""


def _stores(read: Read, every: frozenset[str]) -> Objection | None:
    stored = read.stored & every
    if not stored and not read.stores_opaque:
        return None
    name = min(stored or every)
    return name, "this would copy masked values to where they are not masked", "Leave the masked columns out."


def _forbidden(read: Read, every: frozenset[str], knowledge: Knowledge) -> Objection | None:
    compared = {n for n in read.compared & every if knowledge.sections[n].predicates == "deny"}
    if compared:
        return min(compared), "masked columns may not be compared, joined or sorted on", "Use another column."
    strict = {n for n in every if knowledge.sections[n].opaque == "deny"}
    if strict and read.opaque:
        return min(strict), "the origin of a result column cannot be shown", "Select the columns by name."
    return None


def compared_masks(question: Question, effective: frozenset[str]) -> list[str]:
    """The masks over columns that are compared, joined or sorted on: an oracle tells of them bit by bit (M5)."""
    if not effective:
        return []
    found = NOTHING.union(*[r.compared for choices in question.resolved for r in choices if r.compared])
    return sorted(found & effective)


def may_reread(question: Question) -> bool:
    """Whether it may change how SQL is read: the target reports that with its next ReadyForQuery only (P16)."""
    return any(
        "dynamic" in r.statement.facts.get("class", NOTHING) and all(name == "?" for name, _ in r.statement.sets)
        for choices in question.resolved
        for r in choices
    )
