"""What a statement changes in the session: names prepared or closed, the search_path, the schema.

A name that a statement makes means something to whatever is sent behind it, answered or not: it is announced when the
statement is sent, kept when it succeeds, taken back when it fails (P10).
"""

from __future__ import annotations

from twisted_hoop.errors import LimitExceeded
from twisted_hoop.postgres.reading import Read
from twisted_hoop.postgres.registry import Portal, Prepared, Registry
from twisted_hoop.postgres.state import Names, Run, State
from twisted_hoop.sql.statements import Statement

_ROLES = frozenset({"role", "session_authorization", "?"})
_NAMING = frozenset({"prepare", "declare", "deallocate", "close", "discard"})


def announce(state: State, run: Run) -> None:
    """`run` is about to be sent. Raises LimitExceeded; nothing is announced then (P19)."""
    for index, choices in enumerate(run.own):
        for read in choices:
            if read.statement.kind in _NAMING:
                _announce(state, run, index, read)


def _announce(state: State, run: Run, index: int, read: Read) -> None:
    statement, registry = read.statement, state.registry
    run.names = run.names or {}
    names = run.names.setdefault(index, Names(registry.mark()))
    try:
        if statement.prepares:
            prepared = _prepared(statement.prepares, read)
            registry.prepare(prepared)
            names.statements.append(prepared)
        if statement.declares:
            inside = (_prepared(statement.declares, read),)
            portal = Portal(statement.declares.encode(), inside, path=state.names_path())
            registry.bind(portal)
            names.portals.append(portal)
    except LimitExceeded:
        take_back(state, run)
        raise


def take_back(state: State, run: Run) -> None:
    """What `run` announced and has not done will not be done."""
    left, run.names = run.names, None
    for names in left.values() if left is not None else ():
        for prepared in names.statements:
            state.registry.discard(prepared)
        for portal in names.portals:
            state.registry.discard_portal(portal)


def apply_effects(state: State, run: Run, tag: str) -> None:
    """`tag` is the CommandComplete tag of the statement that `run` is at."""
    _path(state, run, tag)
    reads = run.statements()
    names = run.names.pop(run.index, None) if run.names is not None else None
    if names is not None and len(reads) == 1:
        _settle(names, reads[0].statement, state.registry)
    for read in reads:
        if read.statement.changes_catalogue or read.statement.kind == "do":
            state.schema_changed = True
        if read.makes is not None and len(reads) == 1:
            state.made.append(read.makes)


def _path(state: State, run: Run, tag: str) -> None:
    """Where the target does not report search_path (before version 18), it is unknown once it may have changed.

    Whose schema "$user" is, it never reports: behind a change of role that is not known (P18).
    """
    if any(name in _ROLES for read in run.reads() for name, _ in read.statement.sets):
        state.path, state.role_changed = None, True
        return
    if not run.moves_path or state.path_reported:
        return
    if tag.startswith(("SET", "RESET", "DISCARD", "ROLLBACK", "DO", "CALL", "SELECT", "EXECUTE")):
        state.path = None


def _settle(names: Names, statement: Statement, registry: Registry) -> None:
    """What ran is certain: what it made is all that its name means, and what it closed is gone.

    While several statements may be what ran, names are only added, never forgotten (P10).
    """
    for prepared in names.statements:
        registry.confirm(prepared)
    for portal in names.portals:
        registry.confirm_portal(portal)
    everything = statement.resets_all and statement.kind == "discard"
    if statement.deallocates == "*" or everything:
        registry.forget_all(names.mark)
    elif statement.deallocates:
        registry.forget(statement.deallocates.encode(), names.mark)
    if statement.closes == "*" or everything:
        registry.forget_portals(names.mark)
    elif statement.closes:
        registry.forget_portal(statement.closes.encode(), names.mark)


def _prepared(name: str, read: Read) -> Prepared:
    return Prepared(name.encode(), read.statement.text, (read.statement.facts,), (read,))
