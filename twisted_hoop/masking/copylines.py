"""COPY's text and csv formats: cutting a stream into rows, and a row into fields. Pure; nothing is masked here.

Sources: PostgreSQL manual, COPY, "File Formats"; src/backend/commands/copyto.c and copyfromparse.c (PostgreSQL 18).
The octets must be UTF-8: in encodings whose second octet may be a backslash, rows could not be told apart.
"""

from __future__ import annotations

import re
from typing import Final, Literal, Protocol

from twisted_hoop.errors import ProtocolError

Side = Literal["client", "target"]
Format = Literal["text", "csv", "binary"]

HELD_LIMIT: Final = 64 << 20
"""The longest row, in octets."""
END_MARKER: Final = b"\\."
"""A line of its own that ends the data in older clients; never data in text format, and holds nothing."""

_UNESCAPE: Final = re.compile(rb"\\([0-7]{1,3}|x[0-9A-Fa-f]{1,2}|.)", re.DOTALL)
_NAMED: Final = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}
_ESCAPED: Final = {value: b"\\" + name for name, value in _NAMED.items()}


class Lines:
    """Cuts a stream into rows at newlines that are not part of a value. Holds an incomplete row, up to a limit.

    `format` text: a newline after an odd number of backslashes belongs to the value. csv: one inside quotes does.
    """

    __slots__ = ("_escape", "_parts", "_quote", "_side", "_size", "_state")

    def __init__(self, side: Side, quote: bytes = b"", escape: bytes = b"") -> None:
        self._side: Side = side
        self._quote = quote
        self._escape = escape
        self._parts: list[bytes] = []
        self._size = 0
        self._state = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The rows that are complete now, without their newline. Raises ProtocolError for a row beyond the limit."""
        if not self._quote and not self._parts and data.endswith(b"\n") and b"\\\n" not in data:
            return data[:-1].split(b"\n")  # the usual message of a server: whole rows
        pieces = data.split(b"\n")
        rest = pieces.pop()
        rows = [row for row in map(self._line, pieces) if row is not None]
        if rest:
            self._scan(rest)
            self._hold(rest)
        return rows

    def flush(self) -> bytes | None:
        """The last row when it had no newline, else None."""
        rest = b"".join(self._parts) if self._parts else None
        self._parts, self._size, self._state = [], 0, 0
        return rest

    def _line(self, piece: bytes) -> bytes | None:
        self._scan(piece)
        if self._state:
            # The newline ends a run of backslashes, and lets an escape character stand for itself.
            self._state = 1 if self._quote else 0
            self._hold(piece + b"\n")
            return None
        if not self._parts:
            return piece
        self._parts.append(piece)
        row = b"".join(self._parts)
        self._parts, self._size = [], 0
        return row

    def _hold(self, piece: bytes) -> None:
        self._parts.append(piece)
        self._size += len(piece)
        if self._size > HELD_LIMIT:
            raise ProtocolError("a COPY row is larger than the gateway holds back", self._side, "54000")

    def _scan(self, piece: bytes) -> None:
        """Text: whether an odd number of backslashes ends the line so far. Csv: whether a quote is open (1), or its
        escape character was last (2)."""
        if not self._quote:
            trailing = len(piece) - len(piece.rstrip(b"\\")) if piece.endswith(b"\\") else 0
            self._state = (trailing + (self._state if trailing == len(piece) else 0)) & 1
        elif self._quote == self._escape:
            self._state ^= piece.count(self._quote) & 1
        else:
            self._scan_escapes(piece)

    def _scan_escapes(self, piece: bytes) -> None:
        state, quote, escape = self._state, self._quote[0], self._escape[0]
        for octet in piece:
            if state == 2:
                # An escape character stands for itself unless a quote or another one follows.
                state = 1 if octet in (quote, escape) else self._plain(1, octet)
            else:
                state = self._plain(state, octet)
        self._state = state

    def _plain(self, state: int, octet: int) -> int:
        if octet == self._quote[0]:
            return 1 - state
        return 2 if state and octet == self._escape[0] else state


class Codec(Protocol):
    """One row format: raw fields and what they stand for."""

    delimiter: bytes
    null: bytes
    special: bytes
    """Rows without it may be split at every delimiter."""

    def split(self, row: bytes) -> list[bytes]:
        """A row's raw fields."""

    def decode(self, raw: bytes) -> bytes | None:
        """What a raw field stands for; None is NULL."""

    def encode(self, value: bytes, quoted: bool = False) -> bytes:
        """The raw field for a value; csv quotes it when it has to or `quoted` says so."""

    def is_quoted(self, raw: bytes) -> bool:
        """Whether the raw field stands in quotes."""


class TextCodec:
    """The text format: fields between delimiters, backslash escapes, `null` for NULL."""

    __slots__ = ("_escape", "_field", "_needs", "delimiter", "null", "special")

    def __init__(self, delimiter: bytes = b"\t", null: bytes = b"\\N") -> None:
        self.delimiter = delimiter
        self.null = null
        self.special = b"\\" + delimiter
        mark = re.escape(delimiter)
        self._field = re.compile(rb"(?:[^\\" + mark + rb"]++|\\.|\\\Z)*+", re.DOTALL)
        self._needs = re.compile(rb"[\\\b\f\n\r\t\v" + mark + rb"]")
        self._escape = {**_ESCAPED, b"\\": b"\\\\"}
        self._escape.setdefault(delimiter, b"\\" + delimiter)

    def split(self, row: bytes) -> list[bytes]:
        if self.special not in row:
            return row.split(self.delimiter)
        return _split(self._field, row)

    def decode(self, raw: bytes) -> bytes | None:
        if raw == self.null:
            return None
        return _UNESCAPE.sub(_plain_character, raw) if b"\\" in raw else raw

    def encode(self, value: bytes, quoted: bool = False) -> bytes:
        raw = self._needs.sub(lambda m: self._escape[m[0]], value)
        # Never let a value be read as NULL, or as the end of the data.
        return b"\\" + raw if raw and raw == self.null and not raw.startswith(b"\\") else raw

    def is_quoted(self, raw: bytes) -> bool:
        return False


def _plain_character(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code in _NAMED:
        return _NAMED[code]
    if code[0] == 120 and len(code) > 1:
        return bytes((int(code[1:], 16),))
    return bytes((int(code, 8) & 0xFF,)) if 48 <= code[0] <= 55 else code


class CsvCodec:
    """The csv format: a field is quoted when it must be; an unquoted field equal to `null` is NULL."""

    __slots__ = ("_escape", "_field", "_inner", "_needs", "_part", "delimiter", "null", "special")

    def __init__(self, delimiter: bytes = b",", quote: bytes = b'"', escape: bytes = b'"', null: bytes = b"") -> None:
        self.delimiter = delimiter
        self.null = null
        self.special = quote
        self._escape = escape
        q, e, d = re.escape(quote), re.escape(escape), re.escape(delimiter)
        inner = (
            rb"(?:[^" + q + rb"]++|" + q + q + rb")*+"
            if quote == escape
            else (rb"(?:[^" + q + e + rb"]++|" + e + rb"[" + q + e + rb"]?)*+")
        )
        self._field = re.compile(rb"(?:[^" + q + d + rb"]++|" + q + inner + rb"(?:" + q + rb"|\Z))*+", re.DOTALL)
        self._part = re.compile(q + rb"(" + inner + rb")(?:" + q + rb"|\Z)|([^" + q + rb"]++)", re.DOTALL)
        self._inner = re.compile(e + rb"([" + q + e + rb"])")
        self._needs = re.compile(rb"[\r\n" + q + d + rb"]|\A\\\.\Z")

    def split(self, row: bytes) -> list[bytes]:
        if self.special not in row:
            return row.split(self.delimiter)
        return _split(self._field, row)

    def decode(self, raw: bytes) -> bytes | None:
        if raw == self.null:
            return None
        if self.special not in raw:
            return raw
        return b"".join(m[2] if m[1] is None else self._inner.sub(rb"\1", m[1]) for m in self._part.finditer(raw))

    def encode(self, value: bytes, quoted: bool = False) -> bytes:
        if not quoted and value != self.null and self._needs.search(value) is None:
            return value
        for special in dict.fromkeys((self._escape, self.special)):
            value = value.replace(special, self._escape + special)
        return self.special + value + self.special

    def is_quoted(self, raw: bytes) -> bool:
        return raw.startswith(self.special)


def _split(field: re.Pattern[bytes], row: bytes) -> list[bytes]:
    """The fields of a row in which a delimiter may be part of a value: `field` matches one, to its end."""
    fields: list[bytes] = []
    at = 0
    while True:
        match = field.match(row, at)
        end = match.end() if match is not None else at
        fields.append(row[at:end])
        if end >= len(row):
            return fields
        at = end + 1


def codec(format: Format, delimiter: str, quote: str, escape: str, null: str) -> Codec:  # noqa: A002 - COPY's word
    """The reader and writer of one row format, text or csv."""
    if format == "text":
        return TextCodec(delimiter.encode(), null.encode())
    return CsvCodec(delimiter.encode(), quote.encode(), escape.encode(), null.encode())


def lines(format: Format, side: Side, quote: str, escape: str) -> Lines:  # noqa: A002
    """The row cutter of one row format, text or csv."""
    return Lines(side, quote.encode(), escape.encode()) if format == "csv" else Lines(side)
