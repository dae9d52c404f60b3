"""What lineage speaks in: origins of values. Values only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Union

from twisted_hoop.lineage.catalogue import ColumnId

NO_COLUMNS: frozenset[ColumnId] = frozenset()


@dataclass(frozen=True, slots=True)
class Origin:
    """What a value can derive from: base columns, and `opaque`, why more than these cannot be excluded ("": it can)."""

    columns: frozenset[ColumnId] = NO_COLUMNS
    opaque: str = ""


Columns = Union[tuple[tuple[str, Origin], ...], None]
"""The columns of a result, (name, origin) in order; None when not even their number is known. A name is "" when we do
not know how PostgreSQL would call the column."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What one statement does with column values. See `lineage.trace`.

    `outputs`: one element a result column; None means that their number is unknown, so every one is opaque. A client's
    result with another number of columns than `outputs` must be taken as wholly opaque.
    `predicates`: columns that are compared, joined, sorted or grouped on, or that decide how many rows there are (M5).
    `stored`: columns whose values are written somewhere else: a table, a view, a setting, a notification (M7).
    `stored_opaque`: why more than these may be written somewhere, "" when not.
    `touches`: every base column that is read anywhere.
    """

    outputs: tuple[tuple[str, Origin], ...] | None = ()
    predicates: frozenset[ColumnId] = NO_COLUMNS
    stored: frozenset[ColumnId] = NO_COLUMNS
    stored_opaque: str = ""
    touches: frozenset[ColumnId] = NO_COLUMNS


EMPTY = Origin()


def opaque(why: str) -> Origin:
    """An origin that cannot be shown."""
    return Origin(NO_COLUMNS, why)


def union(origins: Iterable[Origin]) -> Origin:
    """Everything any of `origins` can derive from; the first reason stands for all."""
    some = [o for o in origins if o is not EMPTY]
    if not some:
        return EMPTY
    first = some[0]
    if len(some) == 1:
        return first
    return Origin(first.columns.union(*(o.columns for o in some[1:])), next((o.opaque for o in some if o.opaque), ""))


def union_columns(columns: Sequence[tuple[str, Origin]]) -> Origin:
    """The union over a row."""
    return union(origin for _, origin in columns)


def whole(columns: Columns, why: str = "columns not known") -> Origin:
    """What a row of a result can derive from."""
    return opaque(why) if columns is None else union_columns(columns)


def with_opaque(origin: Origin, why: str) -> Origin:
    """The same, and more that cannot be shown."""
    return origin if origin.opaque else Origin(origin.columns, why)
