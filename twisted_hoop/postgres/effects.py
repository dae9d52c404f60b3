"""What a finished statement changes in the session: names prepared or closed, the search_path, the schema."""

from __future__ import annotations

from twisted_hoop.policy.statements import Statement
from twisted_hoop.postgres.reading import Read
from twisted_hoop.postgres.registry import Portal, Prepared, Registry
from twisted_hoop.postgres.state import Run, State


def apply_effects(state: State, run: Run, tag: str) -> None:
    """`tag` is the CommandComplete tag of the statement that `run` is at."""
    _path(state, run, tag)
    reads = run.statements()
    for read in reads:
        _names(state, read, certain=len(reads) == 1)
        if read.statement.changes_catalogue:
            state.schema_changed = True


def _path(state: State, run: Run, tag: str) -> None:
    """Where the target does not report search_path (before version 18), it is unknown once it may have changed."""
    if not run.moves_path or state.path_reported:
        return
    if tag.startswith(("SET", "RESET", "DISCARD", "ROLLBACK", "DO", "CALL", "SELECT", "EXECUTE")):
        state.path = None


def _names(state: State, read: Read, certain: bool) -> None:
    """Names made and closed. While several statements may be what ran, names are only added, never forgotten (P10)."""
    statement, registry = read.statement, state.registry
    if statement.prepares:
        if certain:
            registry.forget(statement.prepares.encode())
        registry.prepare(_prepared(statement.prepares, read))
    if statement.declares:
        portal = Portal(statement.declares.encode(), (_prepared(statement.declares, read),), confirmed=True)
        if certain:
            registry.forget_portal(portal.name)
        registry.bind(portal)
    if certain:
        _forgotten(statement, registry)


def _forgotten(statement: Statement, registry: Registry) -> None:
    if statement.deallocates == "*" or (statement.resets_all and statement.kind == "discard"):
        registry.forget_all()
    elif statement.deallocates:
        registry.forget(statement.deallocates.encode())
    if statement.closes == "*" or (statement.resets_all and statement.kind == "discard"):
        registry.forget_portals()
    elif statement.closes:
        registry.forget_portal(statement.closes.encode())


def _prepared(name: str, read: Read) -> Prepared:
    return Prepared(name.encode(), read.statement.text, (read.statement.facts,), (read,))
