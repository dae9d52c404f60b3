"""Binary forms that hold other values: arrays, composites, hstore, and numbers as text. Shapes as the send functions
write them (src/backend/utils/adt: array_send, record_send, numeric_send; contrib/hstore: hstore_send).

The functions raise ValueError for octets that do not follow the form, and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Final

TypedLook = Callable[[int, bytes], bytes]
"""A value of that type OID in, the same object or its replacement out."""

_DIMENSIONS: Final = 6
_NEGATIVE: Final = 0x4000
_ZEROS: Final = 10
_EMPTY, _NO_LOWER, _NO_UPPER = 1, 8, 16
_NUMBERS: Final = (0, _NEGATIVE)


class _Reader:
    """Walks over octets; raises ValueError at the end."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise ValueError("the value is too short")
        piece = self.data[self.at : end]
        self.at = end
        return piece

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big", signed=True)

    def cell(self) -> bytes | None:
        """A length and that many octets; -1 is NULL."""
        length = self.number()
        return None if length == -1 else self.take(length)

    def finish(self) -> None:
        if self.at != len(self.data):
            raise ValueError("the value is too long")


class _Writer:
    """Collects the parts of a rewritten value and whether any of them changed."""

    __slots__ = ("changed", "parts")

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.changed = False

    def cell(self, old: bytes | None, new: bytes | None) -> None:
        if new is None:
            self.parts.append(b"\xff\xff\xff\xff")
        else:
            self.parts += (struct.pack(">i", len(new)), new)
        self.changed = self.changed or new is not old

    def result(self, data: bytes) -> bytes:
        return b"".join(self.parts) if self.changed else data


def array_binary(data: bytes, look: TypedLook) -> bytes:
    """Every element of an array: Int32 dimensions, Int32 flags, Int32 element type, (size, lower bound)…, cells."""
    reader, writer = _Reader(data), _Writer()
    dimensions, _, element = reader.number(), reader.number(), reader.number()
    if not 0 <= dimensions <= _DIMENSIONS:
        raise ValueError("an array with an impossible number of dimensions")
    count = 1 if dimensions else 0
    for _ in range(dimensions):
        count *= reader.number()
        reader.number()
    writer.parts.append(data[: reader.at])
    for _ in range(count):
        cell = reader.cell()
        writer.cell(cell, None if cell is None else look(element & 0xFFFFFFFF, cell))
    reader.finish()
    return writer.result(data)


def composite_binary(data: bytes, look: TypedLook) -> bytes:
    """Every column of a composite or record: Int32 count, then (Int32 type OID, cell)…"""
    reader, writer = _Reader(data), _Writer()
    count = reader.number()
    writer.parts.append(data[: reader.at])
    for _ in range(count):
        oid = reader.take(4)
        writer.parts.append(oid)
        cell = reader.cell()
        writer.cell(cell, None if cell is None else look(int.from_bytes(oid, "big"), cell))
    reader.finish()
    return writer.result(data)


def hstore_binary(data: bytes, look: Callable[[bytes], bytes]) -> bytes:
    """Keys and values of an hstore: Int32 pairs, then (cell, cell)…"""
    reader, writer = _Reader(data), _Writer()
    count = reader.number()
    writer.parts.append(data[: reader.at])
    for _ in range(count * 2):
        cell = reader.cell()
        writer.cell(cell, None if cell is None else look(cell))
    reader.finish()
    return writer.result(data)


def range_bounds(data: bytes) -> list[bytes]:
    """A range's bounds: one octet of flags (1 empty, 8 no lower, 16 no upper bound), then a cell for each bound."""
    reader = _Reader(data)
    flags = reader.take(1)[0]
    wanted = 0 if flags & _EMPTY else 2 - bool(flags & _NO_LOWER) - bool(flags & _NO_UPPER)
    cells = [reader.cell() for _ in range(wanted)]
    reader.finish()
    return [cell for cell in cells if cell is not None]


def multirange_bounds(data: bytes) -> list[bytes]:
    """The bounds of every range of a multirange: Int32 count, then a cell for each range."""
    reader = _Reader(data)
    bounds: list[bytes] = []
    for _ in range(reader.number()):
        bounds += range_bounds(reader.cell() or b"")
    reader.finish()
    return bounds


def integer_text(data: bytes, signed: bool = True) -> bytes:
    """An integer of any width as decimal digits."""
    return str(int.from_bytes(data, "big", signed=signed)).encode()


def float_text(data: bytes) -> bytes:
    """A float4 or float8 as digits without exponent; raises ValueError for other widths."""
    if len(data) not in (4, 8):
        raise ValueError("a float of impossible width")
    number = struct.unpack(">f" if len(data) == 4 else ">d", data)[0]
    whole = abs(number) < 1e40 and number == int(number)
    return str(int(number) if whole else number).encode()


def numeric_text(data: bytes) -> bytes:
    """A numeric as decimal digits: Int16 digits, weight, sign, scale, then digits of base 10000. NaN, infinity: b"".

    At most ten missing groups of zeros are written, so that a huge exponent costs nothing. Raises ValueError.
    """
    if len(data) < 8:
        raise ValueError("a numeric without its head")
    count, weight, sign, _ = struct.unpack(">hhHH", data[:8])
    if sign not in _NUMBERS:
        return b""
    if count < 0 or len(data) != 8 + 2 * count:
        raise ValueError("a numeric of impossible length")
    digits = struct.unpack(f">{count}H", data[8:])
    whole = "".join(f"{d:04}" for d in digits[: weight + 1]).lstrip("0") if weight >= 0 else ""
    missing = weight + 1 - count
    whole += "0000" * missing if 0 < missing <= _ZEROS and count else ""
    part = "0000" * min(max(0, -1 - weight), _ZEROS)
    part = (part + "".join(f"{d:04}" for d in digits[max(0, weight + 1) :])).rstrip("0")
    text = (whole or "0") + ("." + part if part else "")
    return ("-" if sign == _NEGATIVE else "").encode() + text.encode()
