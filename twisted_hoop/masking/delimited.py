"""Hiding columns of CSV, TSV and tables in a stream of text, by the names in their header row (M3). Pure, linear.

A line is a header when its fields, split at one of `,` tab `;` `|`, are names (letters first, no two the same) and one
of them is to be hidden. What follows are its rows: quoted fields may hold delimiters, quotes and lines; aligned tables
(psql's, MySQL's) keep their widths. A row with more fields than the header has was not quoted as it should be:
everything from the first hidden column on is hidden. Lines without the delimiter pass; an empty line ends an aligned
table, another header begins another table. A table of one column is recognised only where its header is the first line
of the stream.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from twisted_hoop.masking.fields import Fields

HELD: Final = 64 * 1024
"""Bytes of an unfinished row that are kept; a longer row is hidden as if it ended there."""

_DELIMITERS: Final = (b",", b"\t", b";", b"|")
_HEADER_NAME: Final = re.compile(rb"[^\W\d][\w .()/#-]{0,127}")
_LONGEST_HEADER: Final = 8192


@dataclass(frozen=True, slots=True)
class _Table:
    """What the header says: the delimiter, how many columns, and which are hidden in which way."""

    delimiter: bytes
    width: int
    hidden: tuple[tuple[int, str], ...]
    field: re.Pattern[bytes]
    aligned: bool


class DelimitedMasker:
    """One stream. `masked` counts the values hidden so far; `held` the bytes kept back (less than a row, or HELD)."""

    __slots__ = ("_fields", "_first", "_kept", "_lost", "_middle", "_shown", "_table", "masked")

    def __init__(self, fields: Fields) -> None:
        self.masked = 0
        self._fields = fields
        self._kept = b""
        self._table: _Table | None = None
        self._first = True
        self._middle = False
        self._lost = b""
        self._shown = 0

    @property
    def held(self) -> int:
        """Bytes kept back."""
        return len(self._kept)

    def feed(self, data: bytes) -> bytes:
        """The next part of the stream; what may be shown of it and of what was kept."""
        if self._lost:
            data = self._found_again(data)
        data = self._kept + data if self._kept else data
        end = data.rfind(b"\n") + 1
        out = self._lines(data[:end]) if end else b""
        if end and self._shown:
            out, self._shown = out[self._shown :], 0
        # What an unfinished quoted field left is already in `_kept`.
        self._kept = (self._kept if end else b"") + data[end:]
        return out + (self.flush() if len(self._kept) > HELD else b"")

    def idle(self) -> bytes:
        """What was kept, but for a table's row that shows a hidden column, or may."""
        table, kept = self._table, self._kept
        if table is None or self._middle:
            return self.flush()
        if table.hidden[0][0] == 0 or table.delimiter in kept or b'"' in kept:
            return b""
        # A prompt, or the first field of a row: should it be one, the row is read as a whole.
        shown, self._shown = kept[self._shown :], len(kept)
        return shown

    def flush(self) -> bytes:
        """What was kept. Should the stream go on, the rest of a row that was cut is dropped: nobody can say what is."""
        kept, self._kept = self._kept, b""
        shown, self._shown = self._shown, 0
        if not kept:
            return b""
        self._middle = True
        if self._table is None:
            return kept
        self._lost = b'"\n' if self._is_open(kept) else b"\n"
        return self._row(kept)[shown:]

    def _found_again(self, data: bytes) -> bytes:
        """From the end of the row that was lost on; b"" while it goes on."""
        while self._lost:
            at = data.find(self._lost[:1])
            if at < 0:
                return b""
            self._lost = self._lost[1:]
            data = data[at if not self._lost else at + 1 :]
        self._middle = True
        return data

    def _lines(self, data: bytes) -> bytes:
        self._kept = b""
        if self._table is None and not self._interesting(data):
            self._middle = False
            return data
        out: list[bytes] = []
        row = b""
        for line in data.splitlines(keepends=True):
            row += line
            if not line.endswith(b"\n") or (self._is_open(row) and len(row) <= HELD):
                continue  # a carriage return alone, or a quoted field that goes on
            out.append(self._line(row))
            row = b""
        self._kept = row
        return b"".join(out)

    def _interesting(self, data: bytes) -> bool:
        """Whether one of the lines may be a header: a cheap look at every field that is a name."""
        if self._first:
            return True
        if not self._fields.might(data):
            return False
        names = _ANY_NAME.findall(data)
        return any(map(self._fields.strategy, set(names)))

    def _is_open(self, row: bytes) -> bool:
        return self._table is not None and not self._table.aligned and row.count(b'"') % 2 == 1

    def _line(self, line: bytes) -> bytes:
        first, self._first = self._first, False
        middle, self._middle = self._middle, False
        if middle:
            return line
        body = line.rstrip(b"\r\n")
        if self._table is not None and self._table.aligned and not body.strip():
            self._table = None
            return line
        table = self._header(body, first)
        if table is not None:
            self._table = table
            return line
        return line if self._table is None else self._row(line)

    def _header(self, body: bytes, first: bool) -> _Table | None:
        if len(body) > _LONGEST_HEADER:
            return None
        for delimiter in _DELIMITERS:
            if delimiter in body:
                table = self._named(body, delimiter)
                if table is not None:
                    return table
        return self._named(body, _DELIMITERS[0]) if first and not any(d in body for d in _DELIMITERS) else None

    def _named(self, body: bytes, delimiter: bytes) -> _Table | None:
        aligned = delimiter == b"|" and body[:1] in (b" ", b"|")
        names = [_bare(field) for field in body.removeprefix(_BYTE_ORDER_MARK).split(delimiter)]
        told = names[1:-1] if aligned and body[:1] == body[-1:] == b"|" else names
        if len(set(told)) < len(told) or not all(map(_HEADER_NAME.fullmatch, told)):
            return None
        hidden = [(index, self._fields.strategy(name)) for index, name in enumerate(names)]
        found = tuple((index, strategy) for index, strategy in hidden if strategy)
        if not found:
            return None
        return _Table(delimiter, len(names), found, _field(delimiter), aligned)

    def _row(self, line: bytes) -> bytes:
        table = self._table
        if table is None or (table.width > 1 and table.delimiter not in line):
            return line
        body = line.rstrip(b"\r\n")
        fields = _split(table, body)
        if table.width == 1 and not body.strip():
            return line
        before = self.masked
        if len(fields) > table.width:
            first = table.hidden[0][0]
            strategies = [(index, table.hidden[0][1]) for index in range(first, len(fields))]
        else:
            strategies = [(index, strategy) for index, strategy in table.hidden if index < len(fields)]
        for index, strategy in strategies:
            fields[index] = self._cell(table, strategy, fields[index])
        return line if self.masked == before else table.delimiter.join(fields) + line[len(body) :]

    def _cell(self, table: _Table, strategy: str, raw: bytes) -> bytes:
        quoted = not table.aligned and raw.startswith(b'"')
        value = raw[1:].removesuffix(b'"').replace(b'""', b'"') if quoted else raw.strip(b" ")
        if not value or (table.aligned and not value.strip(b"-+")):
            return raw
        self.masked += 1
        shown = self._fields.replacement(strategy, value)
        if quoted:
            return b'"' + shown.replace(b'"', b'""') + b'"'
        start = raw.index(value)
        rest = raw[start + len(value) :]
        if table.aligned:
            rest = b" " * max(len(raw) - start - len(shown), min(len(rest), 1))
        return raw[:start] + shown + rest


_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
"""Of UTF-8: what spreadsheets write has it in front of the header."""
_ANY_NAME: Final = re.compile(
    rb"(?:^(?:\xef\xbb\xbf)?|[,;\t|])[ \"]*([^\W\d][\w .()/#-]{0,127}?)[ \"\r]*(?=$|[,;\t|])", re.MULTILINE
)


def _bare(field: bytes) -> bytes:
    field = field.strip(b" \r")
    return field[1:-1] if len(field) > 1 and field[:1] == field[-1:] == b'"' else field


def _field(delimiter: bytes) -> re.Pattern[bytes]:
    """One field and what ends it: quoted (RFC 4180, section 2), whatever follows its closing quote included."""
    return re.compile(rb'("(?:[^"]|"")*+"?[^%b]*+|[^%b]*+)(?:%b|\Z)' % ((re.escape(delimiter),) * 3), re.DOTALL)


def _split(table: _Table, body: bytes) -> list[bytes]:
    if b'"' not in body or table.aligned:
        return body.split(table.delimiter)
    fields: list[bytes] = []
    at = 0
    while True:
        match = table.field.match(body, at)
        if match is None:
            return [*fields, body[at:]]
        fields.append(match[1])
        at = match.end()
        if at >= len(body):
            if at > match.end(1):
                fields.append(b"")  # the row ends in a delimiter
            return fields
