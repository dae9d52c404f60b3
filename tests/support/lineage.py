"""A small made-up catalogue, and lineage written so that tests can be read.

    outputs("select upper(ssn) u, id from people")   ->   ["u: people.ssn", "id: people.id"]

A "?" after the colon means opaque; None, that not even the number of columns is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import postgast

from twisted_hoop.lineage.catalogue import Catalogue, Column, ColumnId, Relation
from twisted_hoop.lineage.tracer import Lineage, Origin, Tracer

_TABLES = {
    "people": "id name card ssn",
    "orders": "id person status",
    "keys": "id data",
    "notes": "id text",
}
_VIEWS = {
    "cards": ("owner number", "SELECT people.name, people.card FROM public.people"),
    "cards2": ("a b", "SELECT cards.owner, upper(cards.number) FROM public.cards"),
    "loop1": ("x", "SELECT loop2.x FROM public.loop2"),
    "loop2": ("x", "SELECT loop1.x FROM public.loop1"),
    "broken": ("x", "SELECT FROM WHERE"),
    "short": ("x y", "SELECT people.card FROM public.people"),
    "blind": ("x", "SELECT public.magic() AS magic"),
}
_YIELDS = {
    "generate_series": ("",),
    "string_to_table": ("",),
    "now": ("",),
    "jsonb_each": ("key", "value"),
}


def _columns(names: str) -> tuple[Column, ...]:
    return tuple(Column(number, name, 25) for number, name in enumerate(names.split(), 1))


def _relations() -> Iterable[Relation]:
    for oid, (name, columns) in enumerate(_TABLES.items(), 20001):
        yield Relation(oid, "public", name, "r", _columns(columns))
    for oid, (name, (columns, definition)) in enumerate(_VIEWS.items(), 20101):
        yield Relation(oid, "public", name, "v", _columns(columns), definition)
    made = (*_columns("id card"), Column(3, "last4", 25, "right(card, 4)"), Column(4, "odd", 25, "magic(card)"))
    yield Relation(20201, "public", "made", "r", made)
    yield Relation(20202, "public", "ruled", "r", _columns("id text"), rules=True)
    yield Relation(20301, "one", "twice", "r", _columns("id secret"))
    yield Relation(20302, "two", "twice", "r", _columns("id secret"))
    yield Relation(20303, "one", "differ", "r", _columns("id secret"))
    yield Relation(20304, "two", "differ", "r", _columns("id other"))
    yield Relation(12001, "pg_catalog", "pg_stats", "v", _columns("tablename most_common_vals"))
    yield Relation(12002, "pg_catalog", "pg_stat_activity", "v", _columns("pid query"))


def small_catalogue(relations: Iterable[Relation] = ()) -> Catalogue:
    """The catalogue, with further relations."""
    found = {r.oid: r for r in (*_relations(), *relations)}
    names: dict[str, tuple[Relation, ...]] = {}
    for relation in found.values():
        names[relation.name] = (*names.get(relation.name, ()), relation)
    return Catalogue(
        relations=found,
        by_name=names,
        functions=frozenset(("magic",)),
        operators=frozenset(("@@@@",)),
        cast_types=frozenset(("odd_type",)),
        harmless=frozenset(("digest",)),
        function_columns=_YIELDS,
    )


CATALOGUE = small_catalogue()
TRACER = Tracer(CATALOGUE)


def trace(sql: str, tracer: Tracer = TRACER) -> Lineage:
    """The lineage of one statement."""
    return tracer.trace(postgast.parse(sql).stmts[0].stmt)


def outputs(sql: str, tracer: Tracer = TRACER) -> list[str] | None:
    """The outputs, written."""
    found = trace(sql, tracer).outputs
    return None if found is None else [f"{name}: {written(origin, tracer.catalogue)}".strip() for name, origin in found]


def written(origin: Origin, catalogue: Catalogue = CATALOGUE) -> str:
    """An origin, written."""
    return ("? " if origin.opaque else "") + named(origin.columns, catalogue)


def named(columns: Iterable[ColumnId], catalogue: Catalogue = CATALOGUE) -> str:
    """Columns by name, sorted."""
    return " ".join(sorted(_name(column, catalogue) for column in columns))


def _name(column: ColumnId, catalogue: Catalogue) -> str:
    relation = catalogue.relations[column[0]]
    schema = "" if relation.schema in ("public", "pg_catalog") else relation.schema + "."
    return f"{schema}{relation.name}." + next(c.name for c in relation.columns if c.number == column[1])


def with_functions(*names: str) -> Tracer:
    """A tracer for the catalogue with further user-defined functions."""
    return Tracer(replace(CATALOGUE, functions=CATALOGUE.functions | set(names)))
