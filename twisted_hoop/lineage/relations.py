"""What table names mean in one catalogue, views seen through to their tables. Answers are kept while it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import postgast

from twisted_hoop.lineage.catalogue import Catalogue, Relation
from twisted_hoop.lineage.expressions import expression
from twisted_hoop.lineage.functions import why_revealing
from twisted_hoop.lineage.queries import query
from twisted_hoop.lineage.scope import Scope, Source, Walk, make_source, open_source
from twisted_hoop.lineage.values import EMPTY, Columns, Origin, opaque, union, union_columns, with_opaque

_OWN_SCHEMAS = frozenset(("pg_catalog", "information_schema"))
_MOST_KEPT = 20_000


class RelationSources:
    """Provides `lineage_scope.Relations`."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._by_name: dict[tuple[str, str], Source] = {}
        self._by_oid: dict[int, Source] = {}
        self._running: set[int] = set()

    def find(self, schema: str, name: str) -> Source:
        """The source of every relation the name can mean; an open, opaque one when there is none."""
        kept = self._by_name.get((schema, name))
        if kept is not None:
            return kept
        candidates = self.catalogue.candidates(schema, name)
        source = _together(name, [self.relation(r) for r in candidates])
        # While a view is being read its columns are still opaque: that must not be kept.
        if not self._running and len(self._by_name) < _MOST_KEPT:
            self._by_name[schema, name] = source
        return source

    def relation(self, relation: Relation) -> Source:
        """The source of one relation."""
        kept = self._by_oid.get(relation.oid)
        if kept is not None:
            return kept
        source = replace(make_source(relation.name, self._columns(relation)), rules=relation.rules)
        if not self._running:
            self._by_oid[relation.oid] = source
        return source

    def _columns(self, relation: Relation) -> Columns:
        own = [(c.name, self._own(relation, c.number, c.name)) for c in relation.columns]
        if relation.kind in "vm" and relation.schema not in _OWN_SCHEMAS:
            return self._seen_through(relation, own)
        return self._generated(relation, own)

    def _own(self, relation: Relation, number: int, name: str) -> Origin:
        return Origin(frozenset(((relation.oid, number),)), why_revealing(relation.schema, relation.name, name))

    def _seen_through(self, relation: Relation, own: Sequence[tuple[str, Origin]]) -> Columns:
        """A view's columns derive from what its query says, and are columns themselves."""
        behind = self._definition(relation)
        if behind is None or len(behind) != len(own):
            return tuple((n, with_opaque(o, f"view {relation.name} cannot be seen through")) for n, o in own)
        return tuple((name, union((o, b))) for (name, o), (_, b) in zip(own, behind, strict=True))

    def _definition(self, relation: Relation) -> Columns:
        if relation.oid in self._running or not relation.definition:
            return None
        self._running.add(relation.oid)
        try:
            statements = postgast.parse(relation.definition).stmts
            return query(Walk(self, query), statements[0].stmt, None, {}) if len(statements) == 1 else None
        except Exception:  # noqa: BLE001 a view we cannot read is opaque, whatever the reason
            return None
        finally:
            self._running.discard(relation.oid)

    def _generated(self, relation: Relation, own: Sequence[tuple[str, Origin]]) -> Columns:
        """Generated columns derive from others of the same row."""
        if not any(c.generated for c in relation.columns):
            return tuple(own)
        plain = make_source(relation.name, tuple(own))
        found = [self._expression(c.generated, plain) for c in relation.columns]
        return tuple((name, union((o, extra))) for (name, o), extra in zip(own, found, strict=True))

    def _expression(self, text: str, source: Source) -> Origin:
        if not text:
            return EMPTY
        try:
            value = postgast.parse(f"SELECT {text}").stmts[0].stmt.select_stmt.target_list[0].res_target.val
            return expression(Walk(self, query), value, Scope(None, {}, [source]))
        except Exception:  # noqa: BLE001 an expression we cannot read is opaque, whatever the reason
            return opaque("generated column")


def _together(name: str, sources: Sequence[Source]) -> Source:
    """One source for all that a name can mean: columns of one name united, of one position only when names agree."""
    if not sources:
        return open_source(name, opaque(f"no table {name} in the catalogue"))
    if len(sources) == 1:
        return sources[0]
    names: dict[str, Origin] = {}
    for source in sources:
        for column, origin in source.names.items():
            names[column] = union((names[column], origin)) if column in names else origin
    shared = frozenset.intersection(*(frozenset(s.names) for s in sources))
    return Source(
        name,
        _aligned(sources),
        names,
        union([s.whole for s in sources]),
        uncertain=frozenset(names) - shared,
        rules=any(s.rules for s in sources),
    )


def _aligned(sources: Sequence[Source]) -> Columns:
    lists = [s.columns or () for s in sources]
    if len({tuple(n for n, _ in columns) for columns in lists}) != 1:
        return None
    return tuple((column[0][0], union_columns(column)) for column in zip(*lists, strict=True))
