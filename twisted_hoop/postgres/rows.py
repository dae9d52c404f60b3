"""What the byte loops are told about rows: which cells and fields are rewritten, and how. Compiled with `wire.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from twisted_hoop.postgres.integers import i64

NEWLINE: Final = 10
FIXED: Final = 0
COMPUTED: Final = 1
SCANNED: Final = 2

NULL_CELL: Final = b"\xff\xff\xff\xff"

CellFunction = Callable[[bytes], bytes | None]


class RowPlan:
    """How the rows of one result are rewritten: `columns` are (index, kind, fixed cell, function), sorted by index.

    A FIXED cell stands for every value that is not NULL: its length prefix and content. A COMPUTED function gets the
    content and answers with the new one, or None for NULL. A SCANNED function does so too, but is called only in
    chunks where `might` finds something in the scanned cells joined by newlines; it returns the same object when
    there is nothing to hide. A plan without columns says that no row may come: one that does is an error.
    """

    def __init__(
        self,
        columns: list[tuple[int, int, bytes | None, CellFunction | None]],
        might: Callable[[bytes], bool] | None,
    ) -> None:
        self.index: list[i64] = [i64(c[0]) for c in columns]
        self.kind: list[i64] = [i64(c[1]) for c in columns]
        self.fixed: list[bytes] = [c[2] if c[2] is not None else b"" for c in columns]
        self.function: list[CellFunction | None] = [c[3] for c in columns]
        self.count: i64 = len(columns)
        self.might = might
        self.scans: bool = False
        self.only_fixed: bool = len(columns) > 0
        for column in columns:
            if column[1] == SCANNED:
                self.scans = True
            if column[1] != FIXED:
                self.only_fixed = False


class CopyPlan:
    """How rows of a COPY in text or csv are rewritten when every masked column has a constant: `columns`, by index.

    It serves rows that come whole, one a message, without an octet of `special` (an escape, a quote): in those a field
    is what stands between two delimiters. All others are the copier's.
    """

    def __init__(self, columns: list[tuple[int, bytes]], delimiter: bytes, null: bytes, special: bytes) -> None:
        self.index: list[i64] = [i64(c[0]) for c in columns]
        self.fixed: list[bytes] = [c[1] for c in columns]
        self.count: i64 = len(columns)
        self.delimiter = delimiter
        self.null = null
        self.special = special

    def serves(self, data: bytes, start: i64, end: i64) -> bool:
        """Whether the row in `data[start:end]` is of that kind."""
        if data[end - 1] != NEWLINE or data.find(b"\n", start, end - 1) >= 0:
            return False
        return data.find(self.special, start, end) < 0
