"""Patterns on columns, `schema.table.column`. Two forms of a fact name no column: `table.*` and `?.column`.

`table.*` is every column of the table (`SELECT *`, the whole row), `?.column` a column whose table cannot be told from
the text. Both are judged on the safe side: what forbids one column of the table meets `table.*`, and what permits must
permit every column; `?.column` may be of any table.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted_hoop.policy.names import Forbidden, Permitted, joined, pieces_of

_ANY_TABLE = "?."
_PROBES = ("*", "x", "no_such_column_9", "Zz-ä")


class PermittedColumns:
    """Columns an allow rule covers."""

    __slots__ = ("_names",)

    def __init__(self, patterns: Iterable[str]) -> None:
        self._names = Permitted(patterns, 3)

    def matches(self, name: str) -> bool:
        """Whether the column is covered; `table.*` when whatever the table may have is."""
        covers = self._names.matches_as_written if name.startswith(_ANY_TABLE) else self._names.matches
        head, dot, last = name.rpartition(".")
        if last == "*":
            return all(covers(head + dot + probe) for probe in _PROBES)
        return covers(name)


class ForbiddenColumns:
    """Columns a deny or review rule is about."""

    __slots__ = ("_names", "_tables")

    def __init__(self, patterns: Iterable[str]) -> None:
        given = tuple(patterns)
        self._names = Forbidden(given, 3)
        self._tables = Forbidden({_table_of(pattern) for pattern in given}, 2)

    def matches(self, name: str) -> bool:
        """Whether the column is meant, or may be."""
        known = name.removeprefix(_ANY_TABLE)
        head, _, last = known.rpartition(".")
        if last != "*":
            return self._names.matches(known)
        return not head or self._tables.matches(head)


def _table_of(pattern: str) -> str:
    """What a pattern on columns says of their table; one that names a column only may mean any table."""
    pieces = pieces_of(pattern)
    return joined(pattern, pieces[:-1]) if len(pieces) > 1 else ".*"
