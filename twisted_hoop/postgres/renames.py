"""Masked columns that get new names while others read: a statement that waits for the lock runs by the new ones (M1).

Expressions are masked by lineage, and lineage goes by names. So between the sending of a change of names and the
reading of the new catalogue nobody's lineage holds. Plain columns do not matter here: they are known by their numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted_hoop.postgres.reading import Read


class Renames:
    """The changes of one database, by all sessions through this gateway."""

    def __init__(self) -> None:
        self._open = 0
        self._edges = 0

    def begin(self) -> None:
        """A change is sent."""
        self._open += 1
        self._edges += 1

    def end(self) -> None:
        """Its transaction is over."""
        self._open -= 1
        self._edges += 1

    @property
    def now(self) -> int:
        """What `hold` is asked with later."""
        return self._edges

    def hold(self, since: int) -> bool:
        """Whether names mean what they meant then."""
        return not self._open and since == self._edges


def renames(resolved: Iterable[Iterable[Read]]) -> bool:
    """Whether one of the statements may give a masked column another name."""
    for choices in resolved:
        for read in choices:
            if read.statement.changes_catalogue and (read.stored or read.stores_opaque):
                return True
    return False
