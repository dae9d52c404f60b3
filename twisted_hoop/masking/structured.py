"""Looking into a cell, whatever its type and format, and hiding what detectors find there (M2).

Text-like values are searched as they are. JSON, arrays, composites and hstore are taken apart, so that the result is
still JSON, an array … with the right quoting and lengths. A number that is found becomes the type's neutral value.
Types that cannot hold what a detector looks for (dates, booleans, uuid, addresses, geometry) are passed.
A value spread over several cells is not found: detectors see one cell at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Final, Literal

from twisted_hoop.lineage.catalogue import TypeInfo
from twisted_hoop.masking import binaryforms, oids, textforms
from twisted_hoop.masking.pgtypes import base_type, element_type, neutral
from twisted_hoop.masking.spans import SpanMasker
from twisted_hoop.masking.strategies import bytea_octets, is_text

Reach = Literal["never", "joined", "single"]
"""How a column is searched: not at all; its cells joined by newlines as a filter, then one by one; always one by one,
since its octets do not show the text they stand for."""

_DEPTH: Final = 12
_NUMBERS: Final = frozenset({*oids.INTEGERS, oids.FLOAT4, oids.FLOAT8, oids.NUMERIC})
_PASSED: Final = frozenset({
    16, 22, 24, 27, 28, 29, 30, 600, 601, 602, 603, 604, 628, 650, 718, 774, 829, 869, 1082, 1083, 1114, 1184, 1186,
    1266, 1560, 1562, 2202, 2203, 2204, 2205, 2206, 2278, 2950, 2970, 3220, 3734, 3769, 4089, 4096, 4191, 5038, 5069,
})  # fmt: skip
_UNTYPED: Final = {2: (oids.INT2,), 4: (oids.INT4,), 8: (oids.INT8,)}
_CERTAIN: Final = 16
_RANGES_OF_NUMBERS: Final = {
    3904: oids.INT4, 3926: oids.INT8, 3906: oids.NUMERIC, 4451: oids.INT4, 4536: oids.INT8, 4532: oids.NUMERIC,
}  # fmt: skip
_RANGE_KINDS: Final = frozenset({"r", "m"})


def reach(type_oid: int, fmt: int, types: Mapping[int, TypeInfo]) -> Reach:
    """How columns of this type and format are searched."""
    oid = base_type(type_oid, types)
    if oid in _PASSED or (types.get(oid) is not None and types[oid].kind == "e"):
        return "never"
    if oid in _NUMBERS:
        return "single" if fmt or oid in (oids.FLOAT4, oids.FLOAT8) else "joined"
    element = element_type(oid, types)
    if element:
        inner = reach(element, fmt, types)
        return "single" if fmt and inner == "joined" else inner
    direct = is_text(oid, types) or oid in (oids.JSON, oids.JSONB)
    return "joined" if direct or (not fmt and oid != oids.BYTEA) else "single"


class CellLook:
    """One look at one value: `found` collects the names of what was found, in order."""

    __slots__ = ("_masker", "_types", "found")

    def __init__(self, masker: SpanMasker, types: Mapping[int, TypeInfo]) -> None:
        self._masker = masker
        self._types = types
        self.found: list[str] = []

    def value(self, type_oid: int, fmt: int, data: bytes, depth: int = 0) -> bytes:
        """`data` with what is found hidden; the same object when nothing is."""
        oid = base_type(type_oid, self._types)
        if oid in _PASSED:
            return data
        if is_text(oid, self._types) or depth > _DEPTH:
            return textforms.xml_text(data, self._text) if oid == oids.XML else self._text(data)
        if oid in _NUMBERS:
            return self._number(oid, fmt, data)
        if oid in (oids.JSON, oids.JSONB):
            return self._json(oid == oids.JSONB and fmt == 1, data)
        if oid == oids.BYTEA:
            return self._bytea(fmt, data)
        return self._compound(oid, fmt, data, depth)

    def _text(self, data: bytes) -> bytes:
        return self._masker.mask(data, self.found)

    def _json(self, versioned: bool, data: bytes) -> bytes:
        body = data[1:] if versioned else data
        masked = textforms.json_text(body, self._text)
        return data if masked is body else data[: len(data) - len(body)] + masked

    def _bytea(self, fmt: int, data: bytes) -> bytes:
        if fmt:
            return self._text(data)
        octets = bytea_octets(data)
        masked = self._text(octets)
        return data if masked is octets else b"\\x" + masked.hex().encode()

    def _number(self, oid: int, fmt: int, data: bytes) -> bytes:
        try:
            text = _number_text(oid, data) if fmt else textforms.plain_number(data)
        except ValueError:
            return self._masker.star(data, self.found)
        return data if self._text(text) is text else neutral(oid, fmt, self._types) or b""

    def _compound(self, oid: int, fmt: int, data: bytes, depth: int) -> bytes:
        info = self._types.get(oid)
        if info is not None and info.kind == "e":
            return data
        if not fmt:
            return self._compound_text(oid, info, data, depth)
        try:
            return self._compound_binary(oid, info, data, depth)
        except ValueError:
            return self._masker.star(data, self.found)

    def _compound_text(self, oid: int, info: TypeInfo | None, data: bytes, depth: int) -> bytes:
        element = element_type(oid, self._types)
        if element:
            return textforms.array_text(data, lambda part: self.value(element, 0, part, depth + 1))
        if oid == oids.RECORD or (info is not None and info.kind == "c"):
            return textforms.composite_text(data, self._field(info, depth))
        if info is not None and info.name == "hstore":
            return textforms.hstore_text(data, self._text)
        masked = self._text(data)
        if masked is data or not _is_range(oid, info):
            return masked
        return neutral(oid, 0, self._types) or b""

    def _field(self, info: TypeInfo | None, depth: int) -> Callable[[int, bytes], bytes]:
        fields = info.fields if info is not None else ()

        def look(index: int, part: bytes) -> bytes:
            # Without the catalogue a field's type is unknown (0): it is then searched as text.
            return self.value(fields[index][1] if 0 <= index < len(fields) else 0, 0, part, depth + 1)

        return look

    def _compound_binary(self, oid: int, info: TypeInfo | None, data: bytes, depth: int) -> bytes:
        def look(inner: int, part: bytes) -> bytes:
            return self.value(inner, 1, part, depth + 1)

        if element_type(oid, self._types):
            return binaryforms.array_binary(data, look)
        if oid == oids.RECORD or (info is not None and info.kind == "c"):
            return binaryforms.composite_binary(data, look)
        if info is not None and info.name == "hstore":
            return binaryforms.hstore_binary(data, self._text)
        if _is_range(oid, info):
            return self._range_binary(oid, data)
        if not oid:
            return self._untyped(data, look)
        return self._masker.star(data, self.found)

    def _range_binary(self, oid: int, data: bytes) -> bytes:
        """The bounds of number ranges are read as numbers; those of others as they are. A find empties the range."""
        number = _RANGES_OF_NUMBERS.get(oid, 0)
        split = binaryforms.multirange_bounds if oid in oids.MULTIRANGES else binaryforms.range_bounds
        texts = [_number_text(number, bound) for bound in split(data)] if number else [data]
        if all(self._text(text) is text for text in texts):
            return data
        return neutral(oid, 1, self._types) or b""

    def _untyped(self, data: bytes, look: binaryforms.TypedLook) -> bytes:
        """A binary value of which nobody said the type: characters, an array, a composite, a number.

        Integers of more than sixteen digits are passed: eight letters would look like one.
        """
        masked = self._masker.star(data, self.found)
        if masked is not data:
            return masked
        for walk in (binaryforms.array_binary, binaryforms.composite_binary):
            with contextlib.suppress(ValueError):
                return walk(data, look)
        for oid in (*_UNTYPED.get(len(data), ()), oids.NUMERIC):
            with contextlib.suppress(ValueError):
                text = _number_text(oid, data)
                if len(text) <= _CERTAIN and self._text(text) is not text:
                    return neutral(oid, 1, self._types) or b""
        return data


class ContentMasker:
    """Hides what detectors find in one column's values; the same object comes back when nothing is found.

    `reach` says how to use it. "joined": join the column's cells of a chunk of rows by newlines, ask `might` once, and
    call this for single cells only when it says yes. "single": call it for every cell, since the octets do not show
    the text they stand for (numbers in binary form, bytea, binary arrays).
    """

    __slots__ = ("_fmt", "_masker", "_oid", "_types", "might", "reach")

    def __init__(self, masker: SpanMasker, type_oid: int, fmt: int, types: Mapping[int, TypeInfo]) -> None:
        self.reach = reach(type_oid, fmt, types)
        self.might = masker.detector.might
        self._masker = masker
        self._oid = type_oid
        self._fmt = fmt
        self._types = types

    def __call__(self, value: bytes) -> bytes:
        """The value as it may be shown. NULL is never passed in."""
        return mask_content(self._masker, self._oid, self._fmt, self._types, value)[0]


def _is_range(oid: int, info: TypeInfo | None) -> bool:
    built_in = oid in oids.RANGES or oid in oids.MULTIRANGES
    return built_in or (info is not None and info.kind in _RANGE_KINDS)


def _number_text(oid: int, data: bytes) -> bytes:
    if oid in oids.INTEGERS:
        return binaryforms.integer_text(data, oid != oids.OID)
    return binaryforms.numeric_text(data) if oid == oids.NUMERIC else binaryforms.float_text(data)


def mask_content(
    masker: SpanMasker, type_oid: int, fmt: int, types: Mapping[int, TypeInfo], value: bytes
) -> tuple[bytes, int]:
    """A cell's value with what is found hidden, and how many finds there were; the same object for none.

    `value` is not NULL: NULL is never looked at. The result is valid for the type and as long as it has to be.
    """
    look = CellLook(masker, types)
    masked = look.value(type_oid, fmt, value)
    return masked, len(look.found)
