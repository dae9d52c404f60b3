"""Going through a parse tree once, noting what it does. The parts that know node types are in `sql_query` and so on.

Recursion is bounded: the protobuf decoder refuses messages nested more than 100 deep (see `parse`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from postgast import pg_query_pb2

from twisted_hoop.model import Facts
from twisted_hoop.sql.kinds import CLASSES

FIELDS: Mapping[str, str] = {
    f.name: f.message_type.name for f in pg_query_pb2.Node.DESCRIPTOR.oneofs[0].fields if f.message_type is not None
}
"""Field of the Node union → name of its message type: `select_stmt` → `SelectStmt`."""


@dataclass(frozen=True, slots=True)
class Source:
    """Something in FROM: what it is called, the tables its columns come from, whether other columns are mixed in.

    `renamed`: an alias with column names hides which column is which. `hidden`: found by its name only (EXCLUDED, OLD).
    """

    name: str
    tables: tuple[str, ...] = ()
    derived: bool = False
    renamed: bool = False
    hidden: bool = False


class Scope:
    """What names mean at one query level: its sources so far, the level around it, the CTE names to be seen."""

    __slots__ = ("ctes", "parent", "sources")

    def __init__(self, parent: Scope | None = None, ctes: frozenset[str] = frozenset()) -> None:
        self.parent = parent
        self.ctes = ctes
        self.sources: list[Source] = []

    def inner(self) -> Scope:
        """The scope of a subquery that sees this level's sources."""
        return Scope(self, self.ctes)

    def beside(self) -> Scope:
        """The scope of a subquery that sees what this level sees, but not its sources (FROM, WITH, UNION arms)."""
        return Scope(self.parent, self.ctes)


class Found:
    """What has been found so far. `extra` are the fields of `Statement` that are not facts.

    The sets that nearly every statement fills are attributes: this runs for every statement that is not in the cache.
    """

    __slots__ = ("classes", "columns", "extra", "literals", "resets_all", "sets", "tables", "tables_read", "values")

    def __init__(self) -> None:
        self.classes: set[str] = set()
        self.columns: set[str] = set()
        self.tables: set[str] = set()
        self.tables_read: set[str] = set()
        self.values: dict[str, set[str]] = {
            "class": self.classes,
            "column": self.columns,
            "table": self.tables,
            "table_read": self.tables_read,
        }
        self.literals: list[str] = []
        self.sets: list[tuple[str, str | None]] = []
        self.resets_all = False
        self.extra: dict[str, Any] = {}

    def add(self, attribute: str, *values: str) -> None:
        """Note values of a fact."""
        known = self.values.get(attribute)
        if known is None:
            self.values[attribute] = set(values)
        else:
            known.update(values)

    def flag(self, name: str) -> None:
        """Note a flag."""
        self.add("flag", name)

    def reads(self, table: str) -> None:
        """A relation is read. That makes the statement a read, whatever else it is."""
        self.tables.add(table)
        self.tables_read.add(table)
        self.classes.add("read")

    def writes(self, table: str) -> None:
        """A relation is changed, or what it is."""
        self.tables.add(table)
        self.add("table_write", table)

    def facts(self) -> Facts:
        """The facts, with `access` derived; every statement has a class."""
        if not self.classes:
            self.classes.add("unknown")
        facts = {name: frozenset(found) for name, found in self.values.items() if found}
        access = self.classes & _ACCESS
        if access:
            facts["access"] = frozenset(access)
        return facts


_UNKNOWN = ("unknown",)
_ACCESS = frozenset(("read", "write"))
Handler = Callable[["Walk", Any, Scope], None]


class Walk:
    """One pass over one statement. `handlers` say what to do with a message type; others are entered generically."""

    __slots__ = ("_by_field", "_by_type", "found")

    def __init__(self, found: Found, by_type: Mapping[str, Handler], by_field: Mapping[str, Handler]) -> None:
        self.found = found
        self._by_type = by_type
        self._by_field = by_field

    def node(self, node: Any, scope: Scope) -> None:
        """Enter a Node."""
        which = node.WhichOneof("node")
        if which is None:
            return
        handler = self._by_field.get(which)
        if handler is not None:
            handler(self, getattr(node, which), scope)
        else:
            self.children(getattr(node, which), scope)

    def statement(self, node: Any, scope: Scope) -> None:
        """Enter a Node that holds a whole statement, with the classes it always has."""
        which = node.WhichOneof("node") or ""
        name = FIELDS.get(which, "")
        self.found.classes.update(CLASSES.get(name, _UNKNOWN))
        self.node(node, scope)

    def nodes(self, nodes: Any, scope: Scope) -> None:
        """Enter every Node of a repeated field."""
        for node in nodes:
            self.node(node, scope)

    def message(self, message: Any, scope: Scope) -> None:
        """Enter a message that stands in a field of its own type."""
        name = message.DESCRIPTOR.name
        if name == "Node":
            self.node(message, scope)
        elif (handler := self._by_type.get(name)) is not None:
            handler(self, message, scope)
        else:
            self.children(message, scope)

    def children(self, message: Any, scope: Scope, *skipped: str) -> None:
        """Enter everything below a message, but for the fields skipped."""
        for field, value in message.ListFields():
            if field.message_type is None or field.name in skipped:
                continue
            if isinstance(value, Message):
                self.message(value, scope)
            else:
                for item in value:
                    self.message(item, scope)


def strings(nodes: Any) -> list[str]:
    """The String nodes of a list, as text; other nodes are passed over (`*` in a column reference becomes "*")."""
    found = []
    for node in nodes:
        which = node.WhichOneof("node")
        if which == "string":
            found.append(node.string.sval)
        elif which == "a_star":
            found.append("*")
    return found


def part(name: str) -> str:
    """One part of a name; quoted when it holds a dot, so that "public.customers" is not public.customers."""
    return f'"{name}"' if "." in name or '"' in name else name


def dotted(names: list[str]) -> str:
    """A qualified name without the database: `schema.name` or `name`."""
    return ".".join(part(name) for name in names[-2:])


def relation_name(relation: Any) -> str:
    """`schema.table` or `table`, as a RangeVar writes it."""
    schema = relation.schemaname
    return f"{part(schema)}.{part(relation.relname)}" if schema else part(relation.relname)
