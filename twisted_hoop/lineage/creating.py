"""Tables that a statement makes, as far as its text tells: what a transaction reads before anybody else can.

Other connections do not see such a table until it is committed, the reader of the catalogue included.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from postgast import pg_query_pb2 as pb

from twisted_hoop.lineage.values import Lineage

TEMPORARY = "pg_temp"
_ELSEWHERE = ("partbound", "partspec", "of_typename")


@dataclass(frozen=True, slots=True)
class NewTable:
    """One table. `schema` is "" where the search_path decides, TEMPORARY for a temporary one."""

    schema: str
    name: str
    columns: tuple[str, ...]


def new_table(tree: Any, trace: Callable[[Any], Lineage]) -> NewTable | None:
    """What the statement makes; None when it makes none, or when more than its text would have to be known.

    A table that inherits, or is made like another one or of a type, has columns that are not written here; one that is
    generated holds an expression; IF NOT EXISTS may mean one that was there. `trace` is that of a Tracer.
    """
    if isinstance(tree, pb.CreateStmt):
        return _plain(tree)
    if isinstance(tree, pb.CreateTableAsStmt) and tree.objtype == pb.OBJECT_TABLE and not tree.if_not_exists:
        return _filled(tree.into, trace(tree.query))
    if isinstance(tree, pb.SelectStmt) and tree.HasField("into_clause"):
        query = pb.SelectStmt()
        query.CopyFrom(tree)
        query.ClearField("into_clause")
        return _filled(tree.into_clause, trace(query))
    return None


def _plain(node: Any) -> NewTable | None:
    if node.if_not_exists or node.inh_relations or any(map(node.HasField, _ELSEWHERE)):
        return None
    names = []
    for element in node.table_elts:
        kind = element.WhichOneof("node")
        if kind == "column_def" and not _generated(element.column_def):
            names.append(element.column_def.colname)
        elif kind != "constraint":
            return None
    return _table(node.relation, tuple(names))


def _filled(into: Any, lineage: Lineage) -> NewTable | None:
    outputs = lineage.outputs
    if not outputs:
        return None
    given = [each.string.sval for each in into.col_names]
    names = tuple(given) + tuple(name for name, _ in outputs[len(given) :])
    return _table(into.rel, names) if len(names) == len(outputs) and all(names) else None


def _generated(column: Any) -> bool:
    return any(each.constraint.contype == pb.CONSTR_GENERATED for each in column.constraints)


def _table(name: Any, columns: tuple[str, ...]) -> NewTable | None:
    if name.catalogname or len(set(columns)) != len(columns):
        return None
    schema = TEMPORARY if name.relpersistence == "t" else name.schemaname
    return NewTable(schema, name.relname, columns)
