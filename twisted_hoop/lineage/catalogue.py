"""A snapshot of a PostgreSQL target's catalogue: what names mean there. Pure values and look-ups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

ColumnId = tuple[int, int]
"""(table OID, attribute number): what a column is, whatever it is called."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a relation. `number` is its attribute number; dropped columns are not listed.

    `generated` is the expression of a generated column, over the columns of the same table, "" for all others.
    """

    number: int
    name: str
    type_oid: int
    generated: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table, view … `kind` is pg_class.relkind. `definition` is the view's query, names fully qualified.

    `parents` are the OIDs of the tables it inherits from or is a partition of. `rules` is true when it has rewrite
    rules besides a view's own: what changing it does and returns cannot be shown then.
    """

    oid: int
    schema: str
    name: str
    kind: str
    columns: tuple[Column, ...]
    definition: str = ""
    parents: tuple[int, ...] = ()
    rules: bool = False


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """A type. `kind` is pg_type.typtype (b, c, d, e, p, r, m); `base` a domain's base, `element` an array's element.

    `labels` are an enum's labels in order, `fields` a composite's columns as (name, type OID).
    """

    oid: int
    schema: str
    name: str
    kind: str
    category: str = ""
    base: int = 0
    element: int = 0
    labels: tuple[str, ...] = ()
    fields: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What names mean at one target database, at one moment. `version` changes with every snapshot.

    `functions` holds the names (unqualified, lower case as stored) of functions outside pg_catalog; `operators` and
    `cast_types` those of operators, and of types with cast functions, that are not PostgreSQL's own: what they compute
    cannot be shown. `harmless` are names of functions that belong to well-known extensions only, which compute from
    their arguments alone (they are not in `functions`). `function_columns` says what pg_catalog's functions yield in
    FROM: the columns' names, ("",) for one that is named after the function or its alias; those that depend on the
    types of the arguments are not listed.
    """

    version: int = 0
    relations: Mapping[int, Relation] = field(default_factory=dict)
    by_name: Mapping[str, tuple[Relation, ...]] = field(default_factory=dict)
    types: Mapping[int, TypeInfo] = field(default_factory=dict)
    functions: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()
    cast_types: frozenset[str] = frozenset()
    harmless: frozenset[str] = frozenset()
    function_columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def including(self, relations: Sequence[Relation]) -> Catalogue:
        """This one with further relations."""
        by_name = dict(self.by_name)
        for relation in relations:
            by_name[relation.name] = (*by_name.get(relation.name, ()), relation)
        return replace(self, relations={**self.relations, **{r.oid: r for r in relations}}, by_name=by_name)

    def candidates(self, schema: str, name: str) -> tuple[Relation, ...]:
        """Every relation a name can mean; without schema, in any schema, so that search_path does not matter."""
        found = self.by_name.get(name, ())
        return tuple(r for r in found if r.schema == schema) if schema else found
