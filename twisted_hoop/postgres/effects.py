"""What a finished statement changes in the session: names prepared or closed, the search_path, the schema."""

from __future__ import annotations

from twisted_hoop.postgres.reading import Read
from twisted_hoop.postgres.registry import Portal, Prepared
from twisted_hoop.postgres.state import Run, State


def apply_effects(state: State, run: Run, tag: str) -> None:
    """`tag` is the CommandComplete tag of the statement that `run` is at."""
    _path(state, run, tag)
    for read in run.reads():
        _names(state, read, run)
        if read.statement.changes_catalogue:
            state.schema_changed = True


def _path(state: State, run: Run, tag: str) -> None:
    """Where the target does not report search_path (before version 18), it is unknown once it may have changed."""
    if not run.moves_path or state.path_reported:
        return
    if tag.startswith(("SET", "RESET", "DISCARD", "ROLLBACK", "DO", "CALL", "SELECT", "EXECUTE")):
        state.path = None


def _names(state: State, read: Read, run: Run) -> None:
    statement, registry = read.statement, state.registry
    if statement.prepares:
        registry.forget(statement.prepares.encode())
        registry.prepare(_prepared(statement.prepares, read))
    if statement.deallocates:
        registry.forget_all() if statement.deallocates == "*" else registry.forget(statement.deallocates.encode())
    if statement.declares:
        portal = Portal(statement.declares.encode(), (_prepared(statement.declares, read),), confirmed=True)
        registry.forget_portal(portal.name)
        registry.bind(portal)
    if statement.closes:
        registry.forget_portals() if statement.closes == "*" else registry.forget_portal(statement.closes.encode())
    if statement.resets_all and statement.kind == "discard":
        registry.forget_all()
        registry.forget_portals()


def _prepared(name: str, read: Read) -> Prepared:
    return Prepared(name.encode(), read.statement.text, (read.statement.facts,), (read,))
