"""Lineage: for each column a statement returns, which base columns its value can derive from (M1, M5, M6, M7).

Sound rather than exact: what cannot be shown is opaque, and nothing raises. Names are looked up in every schema, so
neither search_path nor temporary tables change the answer; what is not in the catalogue is opaque. Values that decide
which rows appear, or how many, are `predicates`, not origins: they do not appear in the result, but can be guessed at.

    tracer = Tracer(catalogue)               # keep it as long as the catalogue: it remembers what views mean
    tracer.trace(statement.tree).outputs     # ((name, Origin), …) or None
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from postgast import pg_query_pb2 as pb

from twisted_hoop.lineage.catalogue import Catalogue
from twisted_hoop.lineage.queries import query
from twisted_hoop.lineage.relations import RelationSources
from twisted_hoop.lineage.scope import Walk
from twisted_hoop.lineage.statements import relation_columns, statement
from twisted_hoop.lineage.values import Columns, Lineage, Origin

__all__ = ["Lineage", "Origin", "Tracer", "trace"]

_KINDS = {f.message_type.name: f.name for f in pb.Node.DESCRIPTOR.oneofs[0].fields}


class Tracer:
    """Traces statements in one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.relations = RelationSources(catalogue)

    def trace(self, tree: Any) -> Lineage:
        """The lineage of a statement: a `Node` of the parser's tree, a `RawStmt`, or a statement's own message."""
        walk = Walk(self.relations, query)
        try:
            return _lineage(walk, statement(walk, _as_node(tree)))
        except Exception as problem:  # noqa: BLE001 lineage fails closed, whatever the reason
            return _unknown(walk, f"lineage failed: {type(problem).__name__}")

    def trace_relation(self, schema: str, name: str, columns: Sequence[str] = ()) -> Lineage:
        """The lineage of `COPY table (columns) TO`: all columns when none are named; schema may be ""."""
        walk = Walk(self.relations, query)
        try:
            return _lineage(walk, relation_columns(walk, schema, name, list(columns)))
        except Exception as problem:  # noqa: BLE001 lineage fails closed, whatever the reason
            return _unknown(walk, f"lineage failed: {type(problem).__name__}")

    def view_columns(self, oid: int) -> Columns:
        """What each column of a relation derives from, itself included; None for an unknown relation."""
        relation = self.catalogue.relations.get(oid)
        if relation is None:
            return None
        try:
            return self.relations.relation(relation).columns
        except Exception:  # noqa: BLE001 lineage fails closed, whatever the reason
            return None


def trace(tree: Any, catalogue: Catalogue) -> Lineage:
    """The lineage of one statement. For more than one, keep a Tracer."""
    return Tracer(catalogue).trace(tree)


def _lineage(walk: Walk, outputs: Columns) -> Lineage:
    stored = frozenset(walk.stored)
    return Lineage(outputs, frozenset(walk.predicates), stored, walk.stored_opaque, frozenset(walk.touches))


def _unknown(walk: Walk, why: str) -> Lineage:
    stored = frozenset(walk.stored | walk.touches)
    return Lineage(None, frozenset(walk.predicates), stored, why, frozenset(walk.touches))


def _as_node(tree: Any) -> Any:
    if isinstance(tree, pb.RawStmt):
        return tree.stmt
    if isinstance(tree, pb.Node):
        return tree.raw_stmt.stmt if tree.HasField("raw_stmt") else tree
    return pb.Node(**{_KINDS[type(tree).DESCRIPTOR.name]: tree})
