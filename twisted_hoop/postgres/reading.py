"""One SQL text as it reads at one target: what it does, with names resolved, and where its columns come from.

Readings are values; `knowledge.py` makes and keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from twisted_hoop.lineage.catalogue import Catalogue, Relation
from twisted_hoop.lineage.creating import NewTable
from twisted_hoop.lineage.tracer import Lineage
from twisted_hoop.model import Facts
from twisted_hoop.postgres.rows import RowPlan
from twisted_hoop.sql.statements import Statement

NOTHING: frozenset[str] = frozenset()
UNKNOWN_FACTS: Facts = {"class": frozenset({"unknown"}), "kind": frozenset({"unknown"})}

_TABLE_FACTS = ("table", "table_read", "table_write")


@dataclass(frozen=True, slots=True)
class Guard:
    """A refusal that no rule can lift: `code` is the SQLSTATE."""

    code: str
    rule: str
    reason: str
    hint: str


@dataclass(frozen=True, slots=True)
class Read:
    """One statement: `touched`, `compared` and `stored` are names of masks over the columns it reads, compares, copies.

    `opaque` tells that some result column's origin cannot be shown; `stores_opaque` the same for what it writes.
    """

    statement: Statement
    lineage: Lineage | None = None
    touched: frozenset[str] = NOTHING
    compared: frozenset[str] = NOTHING
    stored: frozenset[str] = NOTHING
    opaque: bool = False
    stores_opaque: bool = False
    moves_path: bool = False
    """Whether names may mean something else once it has run (P18)."""
    ends_transaction: bool = False
    makes: NewTable | None = None
    """A table that its own transaction can read before the catalogue tells of it."""
    plans: dict[tuple[bytes, frozenset[str]], RowPlan | None] = field(default_factory=dict, compare=False, repr=False)
    """Plans made for its results, by RowDescription and masks in force: it repeats verbatim."""


@dataclass(frozen=True, slots=True, init=False)
class Reading:
    """A whole text. `indirect` means that EXECUTE or FETCH in it must be resolved by the session."""

    text: str
    reads: tuple[Read, ...]
    facts: tuple[Facts, ...]
    own: tuple[tuple[Read, ...], ...]
    """Each of `reads` as the only thing it can be."""
    guard: Guard | None
    indirect: bool
    changes_catalogue: bool
    missing: frozenset[str]
    """Names of tables that the catalogue does not have."""

    def __init__(
        self,
        text: str,
        reads: tuple[Read, ...],
        facts: tuple[Facts, ...],
        own: tuple[tuple[Read, ...], ...] = (),
        guard: Guard | None = None,
        indirect: bool = False,
        changes_catalogue: bool = False,
        missing: frozenset[str] = NOTHING,
    ) -> None:
        object.__setattr__(self, "text", text)
        object.__setattr__(self, "reads", reads)
        object.__setattr__(self, "facts", facts)
        object.__setattr__(self, "own", own)
        object.__setattr__(self, "guard", guard)
        object.__setattr__(self, "indirect", indirect)
        object.__setattr__(self, "changes_catalogue", changes_catalogue)
        object.__setattr__(self, "missing", missing)

    def of(self, text: str) -> Reading:
        """The same for another text that reads alike."""
        return Reading(
            text,
            self.reads,
            self.facts,
            self.own,
            self.guard,
            self.indirect,
            self.changes_catalogue,
            self.missing,
        )


class Names:
    """Resolves names of tables as the target would. `path` is the search_path, None when it is not known.

    `missing` collects what was not found.
    """

    def __init__(self, catalogue: Catalogue, path: tuple[str, ...] | None) -> None:
        self._catalogue = catalogue
        self._path = path
        self.missing: set[str] = set()

    def relations(self, written: str) -> tuple[Relation, ...]:
        """Every relation that `schema.table` or `table` may mean here; several when it cannot be told."""
        schema, _, name = written.rpartition(".")
        found = self._catalogue.candidates(schema, name)
        if schema or self._path is None:
            return found
        return self._first(found)

    def _first(self, found: tuple[Relation, ...]) -> tuple[Relation, ...]:
        """The first in the path, and every temporary one of that name: those come before the path."""
        temporary = tuple(r for r in found if r.schema.startswith("pg_temp"))
        for schema in ("pg_catalog", *(self._path or ())):
            for relation in found:
                if relation.schema == schema:
                    return (*temporary, relation)
        return temporary

    def facts(self, facts: Facts) -> Facts:
        """The same facts with the names of tables and columns written with their schemas."""
        if not facts.get("table") and not facts.get("column"):
            return facts
        resolved = dict(facts)
        for attribute in _TABLE_FACTS:
            if attribute in facts:
                resolved[attribute] = frozenset(self._tables(facts[attribute]))
        if "column" in facts:
            resolved["column"] = frozenset(self._columns(facts["column"]))
        schemas = {name.rpartition(".")[0] for name in resolved.get("table", NOTHING)} - {""}
        resolved["schema"] = facts.get("schema", NOTHING) | schemas
        return resolved

    def _tables(self, written: Iterable[str]) -> Iterable[str]:
        for name in written:
            found = self.relations(name)
            if not found:
                self.missing.add(name)
            yield from (f"{_public_name(r)}" for r in found) if found else (name,)

    def _columns(self, written: Iterable[str]) -> Iterable[str]:
        for name in written:
            table, _, column = name.rpartition(".")
            found = self.relations(table) if table and table != "?" else ()
            yield from (f"{_public_name(r)}.{column}" for r in found) if found else (name,)


def _public_name(relation: Relation) -> str:
    schema = "pg_temp" if relation.schema.startswith("pg_temp") else relation.schema
    return f"{schema}.{relation.name}"
