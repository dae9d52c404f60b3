"""Masking a COPY OUT stream, row by row (M8, M3): text, csv and binary.

Rows are framed again before anything is looked at: a CopyData message may hold a part of a row or several rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from twisted_hoop.errors import ProtocolError
from twisted_hoop.masking.copybinary import Cells, Tuples, pack
from twisted_hoop.masking.copylines import END_MARKER, Format, codec, lines
from twisted_hoop.masking.structured import ContentMasker

CellFunction = Callable[[bytes], bytes | None]
"""A value that is not NULL in; the same object, its replacement, or None for NULL out."""
Column = bytes | CellFunction | None
"""What happens to a column: a constant that replaces every value, a function, or None: it passes."""

NULL_COLUMN: Final[CellFunction] = lambda value: None  # noqa: E731 - a constant function


class CopyMasker:
    """Rewrites one COPY OUT stream. `columns` has one entry for every column of the rows, in their order.

    The arguments are COPY's options as `statements.Copy` holds them; binary needs none of them. NULL stays NULL.
    Raises ProtocolError(side="target") for rows that do not have that many fields, or are malformed, or too large.
    """

    __slots__ = (
        "_clean",
        "_codec",
        "_delimiter",
        "_escape",
        "_header",
        "_lines",
        "_might",
        "_null",
        "_plan",
        "_quote",
        "_raw",
        "_special",
        "_sure",
        "_tuples",
        "_width",
        "masked",
        "rows",
    )

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
        self._escape = escape.encode()
        self._raw = [(i, *self._prepared(column)) for i, column in self._plan]
        joined = {i: c for i, c in self._plan if isinstance(c, ContentMasker) and c.reach == "joined"}
        self._sure = [entry for entry in self._raw if entry[0] not in joined]
        self._might = next((c.might for c in joined.values()), None)
        self._clean = False

    def fixed_cells(self) -> list[tuple[int, bytes]] | None:
        """(column, what stands for a value that is not NULL), as the format writes it; None unless all are constant.

        For whoever rewrites rows that hold no octet of `special`: there, fields are what stands between delimiters.
        """
        if self._tuples is not None or self._header or any(action is not None for *_, action in self._raw):
            return None
        return [(index, plain) for index, plain, *_ in self._raw]

    @property
    def marks(self) -> tuple[bytes, bytes, bytes]:
        """(delimiter, NULL, special): rows without `special` need no unescaping to be cut."""
        return self._delimiter, self._null, self._special

    def feed(self, payload: bytes) -> bytes:
        """The body of a CopyData message → the octets to pass on, which may be empty while a row is incomplete."""
        if self._tuples is not None:
            return b"".join(map(self._piece, self._tuples.feed(payload)))
        rows = self._lines.feed(payload)
        self._clean = self._might is not None and rows != [] and self._is_clean(b"\n".join(rows))
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
        self._clean = False
        return b"" if rest is None else self._row(rest)

    def _row(self, row: bytes) -> bytes:
        if self._header:
            self._header = False
            return row
        fields = row.split(self._delimiter) if self._special not in row else self._codec.split(row)
        if len(fields) != self._width:
            return self._odd(row)
        self.rows += 1
        for index, plain, quoted, action in self._sure if self._clean else self._raw:
            raw = fields[index]
            if raw == self._null:
                continue
            if action is None:
                fields[index] = quoted if raw[:1] == self._quote else plain
                self.masked += 1
            else:
                fields[index] = self._computed(raw, action)
        return self._delimiter.join(fields)

    def _is_clean(self, rows: bytes) -> bool:
        """Whether detectors find nothing in whole rows: then no cell is decoded. Escapes may hide something: not clean.

        Delimiters and quotes become newlines, so that every cell begins and ends a line, as `Detector.might` wants it.
        """
        assert self._might is not None
        if b"\\" in rows and b"\\" in rows.replace(self._null, b""):
            return False
        if self._special in rows:
            if self._special * 2 in rows or (self._escape != self._special and self._escape in rows):
                return False
            rows = rows.replace(self._special, b"\n")
        return not self._might(rows.replace(self._delimiter, b"\n"))

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
