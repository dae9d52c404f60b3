"""Which columns of one target's catalogue are bound to which column masks (M1, M6, M7).

A mask's patterns are matched against `schema.table.column` and against `table.column`. What they match is then carried
on to every column that shows the same values: partitions, children and parents of the same column name, views,
materialised views and generated columns that derive from it, and the column itself under a later name. Columns of which
nobody can show what they derive from are bound to every mask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy

from twisted_hoop.lineage.catalogue import Catalogue, ColumnId, Relation
from twisted_hoop.lineage.tracer import Origin, Tracer
from twisted_hoop.policy.patterns import Patterns
from twisted_hoop.settings import MaskSection

Remembered = frozenset[tuple[str, int, int]]
"""(mask, table OID, attribute number): bindings that hold whatever the column is called now."""

_Found = dict[ColumnId, frozenset[str]]
_NONE: frozenset[str] = frozenset()


class Bindings:
    """Column masks by column. Immutable; make a new one for a new catalogue and hand on what is remembered."""

    def __init__(
        self,
        masks: Sequence[MaskSection],
        catalogue: Catalogue,
        remembered: Remembered = frozenset(),
        tracer: Tracer | None = None,
    ) -> None:
        patterns = {m.name: Patterns(m.columns, odd=True) for m in masks if m.columns}
        self._patterns = patterns
        self._every = frozenset(patterns)
        self._relations = catalogue.relations
        self._masks: _Found = _direct(patterns, catalogue.relations.values()) if patterns else {}
        _add_remembered(self._masks, self._every, remembered, catalogue.relations)
        self._lasting = _inherited(self._masks, catalogue.relations) if patterns else {}
        self._masks = dict(self._lasting)
        if patterns:
            self._see_through(tracer or Tracer(catalogue))
            self._add_whole_rows()

    def masks_of(self, column: ColumnId) -> frozenset[str]:
        """Names of the masks the column is bound to; attribute number 0 is a whole row, as in RowDescription."""
        return self._masks.get(column, _NONE)

    def masks_of_origin(self, origin: Origin) -> frozenset[str]:
        """Names of the masks a value of that origin is bound to: every one when the origin cannot be shown."""
        if origin.opaque:
            return self._every
        return _NONE.union(*(self._masks.get(column, _NONE) for column in origin.columns))

    def known(self, oid: int) -> bool:
        """Whether the relation was in the catalogue; of any other nothing can be said."""
        return oid in self._relations

    def including(self, relations: Sequence[Relation]) -> Bindings:
        """These, and those of further tables that derive from nothing."""
        made = copy(self)
        made._relations = {**self._relations, **{r.oid: r for r in relations}}
        made._masks = {**self._masks, **_direct(self._patterns, relations)}
        made._add_whole_rows()
        return made

    def to_remember(self) -> Remembered:
        """What the next snapshot's bindings must be given, so that a rename does not unmask a column."""
        return frozenset((mask, *column) for column, masks in self._lasting.items() for mask in masks)

    def _see_through(self, tracer: Tracer) -> None:
        """Bind what derives from bound columns: views, generated columns; and what cannot be shown (M6)."""
        for relation in self._relations.values():
            if not _derives(relation):
                continue
            seen = tracer.view_columns(relation.oid)
            for place, column in enumerate(relation.columns):
                masks = self._every if seen is None else self.masks_of_origin(seen[place][1])
                if masks:
                    self._masks[relation.oid, column.number] = masks

    def _add_whole_rows(self) -> None:
        for (oid, _), masks in list(self._masks.items()):
            self._masks[oid, 0] = self._masks.get((oid, 0), _NONE) | masks


def _derives(relation: Relation) -> bool:
    """Whether a relation's columns may show more than its own contents."""
    return relation.kind in "vm" or relation.schema == "pg_catalog" or any(c.generated for c in relation.columns)


def _direct(patterns: Mapping[str, Patterns], relations: Iterable[Relation]) -> _Found:
    found: _Found = {}
    for relation in relations:
        table, schema = relation.name, relation.schema
        for column in relation.columns:
            name = f"{table}.{column.name}"
            full = f"{schema}.{name}"
            masks = frozenset(m for m, p in patterns.items() if p.matches(full) or p.matches(name))
            if masks:
                found[relation.oid, column.number] = masks
    return found


def _add_remembered(
    found: _Found, every: frozenset[str], remembered: Remembered, relations: Mapping[int, Relation]
) -> None:
    """Keep earlier bindings of columns that are still there, under whatever name."""
    for mask, oid, number in remembered:
        relation = relations.get(oid)
        if mask in every and relation is not None and any(c.number == number for c in relation.columns):
            found[oid, number] = found.get((oid, number), _NONE) | {mask}


def _inherited(found: _Found, relations: Mapping[int, Relation]) -> _Found:
    """Carry bindings through whole families of partitions, children and parents, by column name."""
    together = dict(found)
    for family in _families(relations):
        names: dict[str, frozenset[str]] = {}
        columns = [(r.oid, c) for r in family for c in r.columns]
        for oid, column in columns:
            names[column.name] = names.get(column.name, _NONE) | found.get((oid, column.number), _NONE)
        for oid, column in columns:
            if names[column.name]:
                together[oid, column.number] = names[column.name]
    return together


def _families(relations: Mapping[int, Relation]) -> Iterable[list[Relation]]:
    """Relations joined by inheritance, each family once."""
    root: dict[int, int] = {}

    def find(oid: int) -> int:
        while root.setdefault(oid, oid) != oid:
            oid = root[oid]
        return oid

    for relation in relations.values():
        for parent in relation.parents:
            root[find(relation.oid)] = find(parent)
    families: dict[int, list[Relation]] = {}
    for oid in list(root):
        if oid in relations:
            families.setdefault(find(oid), []).append(relations[oid])
    return families.values()
