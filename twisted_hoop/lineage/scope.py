"""What names mean inside a query: sources (the items of FROM), scopes (one a query level), the state of a walk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from twisted_hoop.lineage.catalogue import Catalogue, ColumnId
from twisted_hoop.lineage.values import EMPTY, Columns, Origin, opaque, union, union_columns, with_opaque

Node = Any
"""A message of the parser's protobuf tree."""

SYSTEM_COLUMNS = frozenset(("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"))
_MAX_DEPTH = 500


@dataclass(frozen=True, slots=True)
class Source:
    """One thing a column can be taken from: a table, a subquery, a function in FROM.

    `names` finds a column's origin; `rest` is the origin of a column that is not in `names`, None when there is no such
    column. `uncertain` are names that only some of the relations have that the source's name can mean. `rules`: rewrite
    rules change what a change of it does.
    """

    name: str
    columns: Columns
    names: Mapping[str, Origin]
    whole: Origin
    rest: Origin | None = None
    uncertain: frozenset[str] = frozenset()
    rules: bool = False

    def find(self, name: str) -> Origin | None:
        """The origin of the column, `rest` when it may be one we do not know, or None."""
        return self.names.get(name, self.rest)


@dataclass(slots=True, eq=False)
class Cte:
    """A WITH query. `columns` is what is known while it runs (recursion) and what it yields when it is done."""

    node: Node
    group: int
    ctes: Ctes
    parent: Scope | None
    state: str = "waiting"  # "running", "done"
    columns: Columns = None
    seen: bool = False


Ctes = Mapping[str, Cte]


@dataclass(slots=True)
class Scope:
    """One query level. `merging`: a JOIN with USING or NATURAL, so that one name may be found in two sources."""

    parent: Scope | None
    ctes: Ctes
    sources: list[Source] = field(default_factory=list)
    merging: bool = False

    def levels(self) -> Iterator[Scope]:
        """This level and the ones around it, inside out."""
        level: Scope | None = self
        while level is not None:
            yield level
            level = level.parent


class Relations(Protocol):
    """Where table names are looked up."""

    catalogue: Catalogue

    def find(self, schema: str, name: str) -> Source:
        """The source that a table's name means, or an open and opaque one."""


class TooDeep(Exception):
    """The tree is nested deeper than we follow: the statement is opaque."""


@dataclass(slots=True)
class Walk:
    """The state of one walk over one statement. `query` walks any statement that can stand in a query."""

    relations: Relations
    query: Callable[[Walk, Node, Scope | None, Ctes], Columns]
    predicates: set[ColumnId] = field(default_factory=set)
    stored: set[ColumnId] = field(default_factory=set)
    touches: set[ColumnId] = field(default_factory=set)
    stored_opaque: str = ""
    depth: int = 0
    groups: int = 0
    running: list[Cte] = field(default_factory=list)

    def read(self, origin: Origin) -> Origin:
        """Note that something of this origin is read."""
        self.touches |= origin.columns
        return origin

    def predicate(self, origin: Origin) -> None:
        """Note that rows are chosen, ordered or counted by something of this origin (M5)."""
        self.predicates |= origin.columns

    def store(self, origin: Origin) -> None:
        """Note that something of this origin is written somewhere (M7)."""
        self.stored |= origin.columns
        if origin.opaque and not self.stored_opaque:
            self.stored_opaque = origin.opaque

    def deeper(self) -> None:
        """Enter one more level, or raise TooDeep."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise TooDeep


def make_source(name: str, columns: Columns, why: str = "columns not known") -> Source:
    """A source with these columns. Columns whose name we do not know are what unknown names may mean."""
    if columns is None:
        return open_source(name, opaque(why))
    names: dict[str, Origin] = {}
    for column, origin in columns:
        names[column] = union((names[column], origin)) if column in names else origin
    rest = names.pop("", None)
    return Source(name, columns, names, union_columns(columns), rest)


def open_source(name: str, origin: Origin, columns: Columns = None) -> Source:
    """A source of which any column has this origin."""
    return Source(name, columns, {}, origin, origin)


def renamed(source: Source, name: str, names: Sequence[str]) -> Source:
    """The source under an alias, its first columns renamed."""
    if not names:
        return replace(source, name=name)
    if source.columns is None:
        return replace(source, name=name, names=dict.fromkeys(names, source.whole), rest=source.whole)
    return replace(make_source(name, rename(source.columns, names)), rules=source.rules)


def rename(columns: Columns, names: Sequence[str]) -> Columns:
    """The columns with the first of them renamed."""
    if columns is None or not names:
        return columns
    new = (*names, *(name for name, _ in columns[len(names) :]))
    return tuple((name, origin) for name, (_, origin) in zip(new, columns, strict=False))


def find_column(name: str, scope: Scope) -> Origin:
    """What a bare name means: a column of the nearest level that has it, else a whole row (colNameToVar)."""
    found: list[Origin] = []
    for level in scope.levels():
        certain = _collect(name, level, found)
        if certain:
            return union(found)
    row = find_source(name, scope)
    if row is not None:
        return union((*found, row.whole))
    if name in SYSTEM_COLUMNS or found:
        return union(found)
    return with_opaque(union(s.whole for s in scope.sources), f"no column {name}")


def _collect(name: str, level: Scope, found: list[Origin]) -> bool:
    """Add what `name` can mean in one level. True when it is certainly a column there."""
    certain = False
    maybe: list[Origin] = []
    for source in level.sources:
        origin = source.names.get(name)
        if origin is not None:
            found.append(origin)
            certain = certain or name not in source.uncertain
        elif source.rest is not None:
            maybe.append(source.rest)
    # Two columns of one name in one level are an error, unless a join merges them.
    if not certain or level.merging:
        found.extend(maybe)
    return certain


def find_source(name: str, scope: Scope) -> Source | None:
    """The source a table name or alias means; one that stands for all of them when several of a level have it."""
    for level in scope.levels():
        hits = [s for s in level.sources if s.name == name]
        if len(hits) == 1:
            return hits[0]
        if hits:
            return open_source(name, union(s.whole for s in hits))
    return None


def find_qualified(table: str, name: str, scope: Scope) -> Origin:
    """What `table.name` means: a column, or by attribute notation a function of the whole row."""
    source = find_source(table, scope)
    return opaque(f"no table {table}") if source is None else find_field(source, name)


def find_field(source: Source, name: str) -> Origin:
    """A column of one source; what is none is a system column, or a function of the whole row."""
    origin = source.find(name)
    if origin is None:
        return EMPTY if name in SYSTEM_COLUMNS else with_opaque(source.whole, f"no column {source.name}.{name}")
    return union((origin, source.whole)) if name in source.uncertain else origin
