"""Tables that the open transaction made: its own statements may read them, and nobody else can tell what they are.

What is read from them came from the session itself, or from columns without masks, for values of masked columns may not
be stored (M7); patterns of masks are matched against their names as against any other's. They are known to this session
alone, until its transaction ends: then the catalogue tells.
"""

from __future__ import annotations

from twisted_hoop.lineage.catalogue import Catalogue, Column, Relation
from twisted_hoop.lineage.creating import NewTable
from twisted_hoop.postgres.state import State

TABLES = 100
"""Made in one transaction; further ones stay unknown, so that every column mask holds for them."""
_UNKNOWN_TYPE = 0


def know_made(state: State) -> None:
    """Have the session's knowledge include what its transaction made, over the newest catalogue."""
    if not state.made:
        return
    knowledge = state.knowledge
    root = knowledge if knowledge.root is None else knowledge.root
    if knowledge.root is not None and state.made_over is root.catalogue and state.made_known == len(state.made):
        return
    path = state.names_path()
    relations = [_relation(-1 - i, table, root.catalogue, path) for i, table in enumerate(state.made[:TABLES])]
    root.used = True
    state.knowledge = root.including(tuple(relation for relation in relations if relation is not None))
    state.made_over, state.made_known = root.catalogue, len(state.made)


def forget_made(state: State) -> None:
    """The transaction is over."""
    if state.made:
        state.made.clear()
        if state.knowledge.root is not None:
            state.knowledge = state.knowledge.root


def _relation(oid: int, table: NewTable, catalogue: Catalogue, path: tuple[str, ...] | None) -> Relation | None:
    schema = table.schema or _first_schema(catalogue, path)
    if not schema:
        return None
    columns = tuple(Column(number, name, _UNKNOWN_TYPE) for number, name in enumerate(table.columns, 1))
    return Relation(oid, schema, table.name, "r", columns)


def _first_schema(catalogue: Catalogue, path: tuple[str, ...] | None) -> str:
    """Where a table without a schema was made: the first one of the path that is there; "" when it cannot be told."""
    there = {relation.schema for relation in catalogue.relations.values()}
    return next((schema for schema in path or () if schema in there), "")
