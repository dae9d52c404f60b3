"""Masks on what goes in (`direction = "request"`): parameters, literals and COPY IN rows.

A find is reported by place and by the detector's name, never by its value. What happens is the mask's action: `mask`
rewrites the value here; `deny` and `review` leave it as it is and the caller refuses or asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from twisted_hoop.errors import ProtocolError
from twisted_hoop.lineage.catalogue import TypeInfo
from twisted_hoop.masking.copybinary import Cells, Tuples, pack
from twisted_hoop.masking.copylines import END_MARKER, Format, codec, lines
from twisted_hoop.masking.spans import SpanMasker
from twisted_hoop.masking.structured import CellLook

Action = Literal["mask", "deny", "review"]
_FINDINGS = 100


@dataclass(frozen=True, slots=True)
class RequestMask:
    """One mask on what goes in: its name, what happens to a find, and what finds it."""

    name: str
    action: Action
    masker: SpanMasker


@dataclass(frozen=True, slots=True)
class Finding:
    """`mask` found something by `detector` at `where` ("parameter $2", "literal 1", "row 3, column 2")."""

    mask: str
    action: Action
    detector: str
    where: str


def look_at_value(
    masks: Sequence[RequestMask], type_oid: int, fmt: int, types: Mapping[int, TypeInfo], value: bytes, where: str
) -> tuple[bytes, list[Finding]]:
    """A value on its way in: as it may go on (masks with action `mask` applied), and what was found.

    `type_oid` 0 means that the client left the type open. The same object is returned when nothing was rewritten.
    """
    findings: list[Finding] = []
    rewritten = value
    for mask in masks:
        # Every mask looks at what the client sent: one that rewrites must not hide a find from one that denies.
        look = CellLook(mask.masker, types)
        masked = look.value(type_oid, fmt, value)
        findings += (Finding(mask.name, mask.action, name, where) for name in dict.fromkeys(look.found))
        if mask.action == "mask" and look.found:
            again = CellLook(mask.masker, types)
            rewritten = masked if rewritten is value else again.value(type_oid, fmt, rewritten)
    return rewritten, findings


def look_at_parameter(
    masks: Sequence[RequestMask], number: int, type_oid: int, fmt: int, types: Mapping[int, TypeInfo], value: bytes
) -> tuple[bytes, list[Finding]]:
    """As `look_at_value` for bind parameter `number`, counted from 1. NULL parameters are not looked at."""
    return look_at_value(masks, type_oid, fmt, types, value, f"parameter ${number}")


def look_at_literals(masks: Sequence[RequestMask], literals: Iterable[str]) -> list[Finding]:
    """What is found in a statement's string constants. Nothing is rewritten here, not even by action
    `mask`: the caller refuses, and its hint says to send the value as a parameter."""
    findings: list[Finding] = []
    for number, literal in enumerate(literals, 1):
        data = literal.encode("utf-8", "surrogatepass")
        findings += look_at_value(masks, 0, 0, {}, data, f"literal {number}")[1]
    return findings


class CopyLooker:
    """Looks at one COPY IN stream, cell by cell. `type_oids` are the columns' types when they are known.

    `feed` answers the octets to send on (an incomplete row is held back) and what was found in them; the caller refuses
    before it sends them when a finding's action is not `mask`. Findings beyond a hundred in one call are counted only.
    Raises ProtocolError(side="client") for a stream that cannot be told apart.
    """

    __slots__ = ("_codec", "_header", "_lines", "_masks", "_oids", "_row", "_tuples", "_types", "masked")

    def __init__(
        self,
        format: Format,  # noqa: A002 - COPY's own word
        masks: Sequence[RequestMask],
        delimiter: str = "\t",
        quote: str = '"',
        escape: str = '"',
        null: str = "\\N",
        header: bool = False,
        type_oids: Sequence[int] = (),
        types: Mapping[int, TypeInfo] | None = None,
    ) -> None:
        self.masked = 0
        self._masks = tuple(masks)
        self._oids = tuple(type_oids)
        self._types: Mapping[int, TypeInfo] = types or {}
        self._header = header
        self._row = 0
        self._tuples = Tuples("client") if format == "binary" else None
        self._lines = lines(format, "client", quote, escape)
        self._codec = codec(format if format != "binary" else "text", delimiter, quote, escape, null)

    def feed(self, payload: bytes) -> tuple[bytes, list[Finding]]:
        """The body of a CopyData message from the client."""
        findings: list[Finding] = []
        if self._tuples is not None:
            return b"".join(self._tuple(piece, findings) for piece in self._tuples.feed(payload)), findings
        rows = self._lines.feed(payload)
        return b"".join(self._line(row, findings) + b"\n" for row in rows), findings

    def flush(self) -> tuple[bytes, list[Finding]]:
        """The client said CopyDone: what was held back."""
        findings: list[Finding] = []
        if self._tuples is not None:
            self._tuples.flush()
            return b"", findings
        rest = self._lines.flush()
        return (b"" if rest is None else self._line(rest, findings)), findings

    def _line(self, row: bytes, findings: list[Finding]) -> bytes:
        body, end = (row[:-1], b"\r") if row.endswith(b"\r") else (row, b"")
        if self._header or body == END_MARKER:
            self._header = False
            return row
        self._row += 1
        fields = self._codec.split(body)
        for index, raw in enumerate(fields):
            if b"\r" in raw and not self._codec.is_quoted(raw):
                raise ProtocolError(
                    "COPY rows that end in a carriage return alone are not understood", "client", "0A000"
                )
            value = self._codec.decode(raw)
            if value is not None:
                new = self._cell(value, 0, index, findings)
                fields[index] = raw if new is value else self._codec.encode(new, self._codec.is_quoted(raw))
        return self._codec.delimiter.join(fields) + end

    def _tuple(self, piece: bytes | Cells, findings: list[Finding]) -> bytes:
        if isinstance(piece, bytes):
            return piece
        self._row += 1
        cells = [None if cell is None else self._cell(cell, 1, i, findings) for i, cell in enumerate(piece)]
        return pack(cells)

    def _cell(self, value: bytes, fmt: int, index: int, findings: list[Finding]) -> bytes:
        oid = self._oids[index] if index < len(self._oids) else 0
        where = f"row {self._row}, column {index + 1}"
        new, found = look_at_value(self._masks, oid, fmt, self._types, value, where)
        self.masked += new is not value
        findings += found[: max(0, _FINDINGS - len(findings))]
        return new
