"""Masking a COPY OUT stream, row by row (M8, M3): text, csv and binary.

Rows are framed again before anything is looked at: a CopyData message may hold a part of a row or several rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal

from twisted_hoop.errors import ProtocolError
from twisted_hoop.masking.copybinary import Cells, Tuples, pack
from twisted_hoop.masking.copylines import END_MARKER, Codec, CsvCodec, Lines, TextCodec

Format = Literal["text", "csv", "binary"]
CellFunction = Callable[[bytes], bytes | None]
"""A value that is not NULL in; the same object, its replacement, or None for NULL out."""
Column = bytes | CellFunction | None
"""What happens to a column: a constant that replaces every value, a function, or None: it passes."""

NULL_COLUMN: Final[CellFunction] = lambda value: None  # noqa: E731 - a constant function


def codec(format: Format, delimiter: str, quote: str, escape: str, null: str) -> Codec:  # noqa: A002 - COPY's word
    """The reader and writer of one row format, text or csv."""
    if format == "text":
        return TextCodec(delimiter.encode(), null.encode())
    return CsvCodec(delimiter.encode(), quote.encode(), escape.encode(), null.encode())


def lines(format: Format, side: Literal["client", "target"], quote: str, escape: str) -> Lines:  # noqa: A002
    """The row cutter of one row format, text or csv."""
    return Lines(side, quote.encode(), escape.encode()) if format == "csv" else Lines(side)


class CopyMasker:
    """Rewrites one COPY OUT stream. `columns` has one entry for every column of the rows, in their order.

    The arguments are COPY's options as `statements.Copy` holds them; binary needs none of them. NULL stays NULL.
    Raises ProtocolError(side="target") for rows that do not have that many fields, or are malformed, or too large.
    """

    __slots__ = (
        "_codec", "_delimiter", "_header", "_lines", "_null", "_plan", "_quote", "_raw", "_special", "_tuples",
        "_width", "masked", "rows",
    )  # fmt: skip

    def __init__(
        self,
        format: Format,  # noqa: A002 - COPY's own word
        columns: Sequence[Column],
        delimiter: str = "\t",
        quote: str = '"',
        escape: str = '"',
        null: str = "\\N",
        header: bool = False,
    ) -> None:
        self.rows = 0
        self.masked = 0
        self._width = len(columns)
        self._plan = [(i, column) for i, column in enumerate(columns) if column is not None]
        self._header = header
        self._tuples = Tuples("target") if format == "binary" else None
        self._lines = lines(format, "target", quote, escape)
        self._codec = codec(format if format != "binary" else "text", delimiter, quote, escape, null)
        self._delimiter, self._null = self._codec.delimiter, self._codec.null
        self._special = self._codec.special
        self._quote = quote.encode() if format == "csv" else b"\n"  # no row begins with a newline
        self._raw = [(i, *self._prepared(column)) for i, column in self._plan]

    def feed(self, payload: bytes) -> bytes:
        """The body of a CopyData message → the octets to pass on, which may be empty while a row is incomplete."""
        if self._tuples is not None:
            return b"".join(map(self._piece, self._tuples.feed(payload)))
        rows = self._lines.feed(payload)
        if len(rows) == 1:
            return self._row(rows[0]) + b"\n"
        if not rows:
            return b""
        out = [self._row(row) for row in rows]
        out.append(b"")
        return b"\n".join(out)

    def flush(self) -> bytes:
        """The stream is over: what was held back. Raises ProtocolError when it stopped in the middle."""
        if self._tuples is not None:
            self._tuples.flush()
            return b""
        rest = self._lines.flush()
        return b"" if rest is None else self._row(rest)

    def _row(self, row: bytes) -> bytes:
        if self._header:
            self._header = False
            return row
        fields = row.split(self._delimiter) if self._special not in row else self._codec.split(row)
        if len(fields) != self._width:
            return self._odd(row)
        self.rows += 1
        for index, plain, quoted, action in self._raw:
            raw = fields[index]
            if raw == self._null:
                continue
            if action is None:
                fields[index] = quoted if raw[:1] == self._quote else plain
                self.masked += 1
            else:
                fields[index] = self._computed(raw, action)
        return self._delimiter.join(fields)

    def _prepared(self, column: bytes | CellFunction) -> tuple[bytes, bytes, CellFunction | None]:
        """A constant as plain and as quoted field, or the function that computes the value."""
        if not isinstance(column, bytes):
            return b"", b"", column
        return self._codec.encode(column), self._codec.encode(column, quoted=True), None

    def _odd(self, row: bytes) -> bytes:
        """A row of unexpected width: the end marker, a row without columns, or something that must not pass."""
        if row == END_MARKER or (not row and not self._width):
            return row
        raise ProtocolError("a COPY row does not have the columns that were announced", "target")

    def _computed(self, raw: bytes, action: CellFunction) -> bytes:
        value = self._codec.decode(raw)
        if value is None:
            return raw
        new = action(value)
        if new is value:
            return raw
        self.masked += 1
        return self._codec.null if new is None else self._codec.encode(new, self._codec.is_quoted(raw))

    def _piece(self, piece: bytes | Cells) -> bytes:
        if isinstance(piece, bytes):
            return piece
        if len(piece) != self._width:
            raise ProtocolError("a COPY tuple does not have the columns that were announced", "target")
        self.rows += 1
        for index, action in self._plan:
            value = piece[index]
            if value is not None:
                new = action if isinstance(action, bytes) else action(value)
                self.masked += new is not value
                piece[index] = new
        return pack(piece)
