"""What the byte loops are told about rows: which cells and fields are rewritten, and how. Compiled with `wire.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from librt.strings import BytesWriter, write_i32_be

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres.integers import i32, i64

NEWLINE: Final = 10
COMPILED: Final = not __file__.endswith(".py")
FIXED: Final = 0
COMPUTED: Final = 1
SCANNED: Final = 2

NULL_CELL: Final = b"\xff\xff\xff\xff"
_COPY_DATA: Final = 100

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
        self.mark: i64 = delimiter[0]
        self.sign: i64 = special[0]
        self.pair: bool = len(special) == 2
        self.cuts: list[i64] = []
        """Begin and end of each planned field of the row looked at last."""

    def cut(self, data: bytes, begin: i64, end: i64) -> bool:
        """Find the planned fields of the row `data[begin:end]`; False when the row is not of the kind that is served.

        Raises ProtocolError when it has too few columns.
        """
        self.cuts.clear()
        if data[end - 1] != NEWLINE:
            return False
        served = self._walk(data, begin, end - 1) if COMPILED else self._leap(data, begin, end - 1)
        if served and len(self.cuts) < 2 * self.count:
            raise ProtocolError("a COPY row does not have the columns that were announced", "target")
        return served

    def _walk(self, data: bytes, begin: i64, end: i64) -> bool:
        """Octet by octet: the cheapest way when compiled."""
        k: i64 = 0
        i: i64 = 0
        field: i64 = begin
        p: i64 = begin
        while p < end:
            octet: i64 = data[p]
            if octet == NEWLINE or (octet == self.sign and (not self.pair or data[p + 1] == self.mark)):
                return False
            if octet == self.mark:
                if k < self.count and i == self.index[k]:
                    self.cuts.append(field)
                    self.cuts.append(p)
                    k += 1
                i += 1
                field = p + 1
            p += 1
        if k < self.count and i == self.index[k]:
            self.cuts.append(field)
            self.cuts.append(end)
        return True

    def _leap(self, data: bytes, begin: i64, end: i64) -> bool:
        """From delimiter to delimiter: the cheapest way when interpreted."""
        if data.find(b"\n", begin, end) >= 0 or data.find(self.special, begin, end) >= 0:
            return False
        i: i64 = 0
        field: i64 = begin
        for want in self.index:
            while i < want:
                field = data.find(self.delimiter, field, end) + 1
                if field == 0:
                    return True
                i += 1
            until: i64 = data.find(self.delimiter, field, end)
            self.cuts.append(field)
            self.cuts.append(until if until >= 0 else end)
        return True


def write_copied(data: bytes, begin: i64, end: i64, plan: CopyPlan, writer: BytesWriter) -> i64:
    """Write one row of a COPY with its planned fields replaced; NULL stays NULL. How many were replaced."""
    pieces: list[bytes] = []
    source: i64 = begin
    masked: i64 = 0
    cuts = plan.cuts
    for k in range(plan.count):
        field: i64 = cuts[2 * k]
        until: i64 = cuts[2 * k + 1]
        if until - field == len(plan.null) and data[field:until] == plan.null:
            continue
        pieces.append(data[source:field])
        pieces.append(plan.fixed[k])
        source = until
        masked += 1
    pieces.append(data[source:end])
    row = b"".join(pieces)
    writer.append(_COPY_DATA)
    write_i32_be(writer, i32(len(row) + 4))
    writer.write(row)
    return masked
