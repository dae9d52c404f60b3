"""Neutral values: what stands in for a hidden value so that drivers and the server still accept it (M2).

One value per type, in text (format 0) and binary (format 1) form, taken from each type's input and receive function
(src/backend/utils/adt of PostgreSQL 18). None means that only NULL is valid for the type. Not a codec: nothing is read
here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from twisted_hoop.lineage.catalogue import TypeInfo
from twisted_hoop.masking import oids

STARS: Final = b"*****"
_DEPTH: Final = 32
_ZERO4: Final = bytes(4)
_ZERO8: Final = bytes(8)
_ZERO16: Final = bytes(16)
_ONE: Final = struct.pack(">d", 1.0)

_SCALARS: Final[dict[int, tuple[bytes, bytes]]] = {
    16: (b"f", b"\x00"),  # bool
    17: (b"\\x", b""),  # bytea
    18: (b"*", b"*"),  # "char": one octet
    19: (STARS, STARS),  # name
    20: (b"0", _ZERO8),  # int8
    21: (b"0", b"\x00\x00"),  # int2
    22: (b"0", struct.pack(">iiIiiih", 1, 0, 21, 1, 0, 2, 0)),  # int2vector: one dimension, from 0, not empty
    23: (b"0", _ZERO4),  # int4
    24: (b"-", _ZERO4),  # regproc
    25: (STARS, STARS),  # text
    26: (b"0", _ZERO4),  # oid
    27: (b"(0,0)", bytes(6)),  # tid
    28: (b"0", _ZERO4),  # xid
    29: (b"0", _ZERO4),  # cid
    30: (b"0", struct.pack(">iiIiiiI", 1, 0, 26, 1, 0, 4, 0)),  # oidvector
    114: (b'"*****"', b'"*****"'),  # json
    142: (STARS, STARS),  # xml content
    600: (b"(0,0)", _ZERO16),  # point
    601: (b"[(0,0),(0,0)]", _ZERO16 * 2),  # lseg
    602: (b"((0,0))", b"\x01\x00\x00\x00\x01" + _ZERO16),  # path: closed, one point (none is refused)
    603: (b"(0,0),(0,0)", _ZERO16 * 2),  # box
    604: (b"((0,0))", b"\x00\x00\x00\x01" + _ZERO16),  # polygon: one point
    628: (b"{1,0,0}", _ONE + _ZERO16),  # line: A and B may not both be 0
    650: (b"0.0.0.0/0", b"\x02\x00\x01\x04" + _ZERO4),  # cidr: family, bits, is_cidr, length
    700: (b"0", _ZERO4),  # float4
    701: (b"0", _ZERO8),  # float8
    705: (STARS, STARS),  # unknown
    718: (b"<(0,0),0>", _ZERO16 + _ZERO8),  # circle
    774: (b"00:00:00:00:00:00:00:00", _ZERO8),  # macaddr8
    790: (b"$0.00", _ZERO8),  # money
    829: (b"00:00:00:00:00:00", bytes(6)),  # macaddr
    869: (b"0.0.0.0", b"\x02\x20\x00\x04" + _ZERO4),  # inet
    1042: (STARS, STARS),  # bpchar
    1043: (STARS, STARS),  # varchar
    1082: (b"2000-01-01", _ZERO4),  # date: days since 2000-01-01
    1083: (b"00:00:00", _ZERO8),  # time: microseconds
    1114: (b"2000-01-01 00:00:00", _ZERO8),  # timestamp: microseconds since 2000-01-01
    1184: (b"2000-01-01 00:00:00+00", _ZERO8),  # timestamptz
    1186: (b"00:00:00", _ZERO16),  # interval: microseconds, days, months
    1266: (b"00:00:00+00", bytes(12)),  # timetz: microseconds, zone
    1560: (b"", _ZERO4),  # bit: length in bits, then octets
    1562: (b"", _ZERO4),  # varbit
    1700: (b"0", _ZERO8),  # numeric: digits, weight, sign, scale
    1790: (STARS, STARS),  # refcursor
    2202: (b"-", _ZERO4),  # regprocedure
    2203: (b"0", _ZERO4),  # regoper
    2204: (b"0", _ZERO4),  # regoperator
    2205: (b"-", _ZERO4),  # regclass
    2206: (b"-", _ZERO4),  # regtype
    2249: (b"()", _ZERO4),  # record without columns
    2275: (STARS, STARS),  # cstring
    2278: (b"", b""),  # void
    2950: (b"00000000-0000-0000-0000-000000000000", _ZERO16),  # uuid
    2970: (b"1:1:", struct.pack(">iqq", 0, 1, 1)),  # txid_snapshot: count, xmin, xmax
    3220: (b"0/0", _ZERO8),  # pg_lsn
    3614: (b"", _ZERO4),  # tsvector: number of lexemes
    3615: (b"'*****'", b"\x00\x00\x00\x01\x01\x00\x00*****\x00"),  # tsquery: one operand (none is refused)
    3734: (b"-", _ZERO4),  # regconfig
    3769: (b"-", _ZERO4),  # regdictionary
    3802: (b'"*****"', b'\x01"*****"'),  # jsonb: version, text
    4072: (b"$", b"\x01$"),  # jsonpath: version, text
    4089: (b"-", _ZERO4),  # regnamespace
    4096: (b"-", _ZERO4),  # regrole
    4191: (b"-", _ZERO4),  # regcollation
    5038: (b"1:1:", struct.pack(">iqq", 0, 1, 1)),  # pg_snapshot
    5069: (b"0", _ZERO8),  # xid8
}
_EXTENSIONS: Final[dict[str, tuple[bytes, bytes]]] = {
    "citext": (STARS, STARS),
    "hstore": (b"", _ZERO4),  # number of pairs
    "ltree": (b"", b"\x01"),  # version, text
}
_RANGE: Final = (b"empty", b"\x01")
_MULTIRANGE: Final = (b"{}", _ZERO4)


def base_type(type_oid: int, types: Mapping[int, TypeInfo]) -> int:
    """The type under any number of domains: what is on the wire for a domain's value."""
    for _ in range(_DEPTH):
        info = types.get(type_oid)
        if info is None or info.kind != "d" or not info.base:
            return type_oid
        type_oid = info.base
    return type_oid


def element_type(type_oid: int, types: Mapping[int, TypeInfo]) -> int:
    """An array type's element type, or 0 when `type_oid` (a base type) is no array."""
    if type_oid in oids.ARRAYS:
        return oids.ARRAYS[type_oid]
    info = types.get(type_oid)
    if info is None or type_oid in _SCALARS or info.category != "A":
        return 0
    return info.element


def neutral(type_oid: int, fmt: int, types: Mapping[int, TypeInfo]) -> bytes | None:
    """The neutral value of a type in format `fmt` (0 text, 1 binary), or None when only NULL is valid (M2)."""
    oid = base_type(type_oid, types)
    if oid in _SCALARS:
        return _SCALARS[oid][fmt]
    element = element_type(oid, types)
    if element:
        return struct.pack(">iiI", 0, 0, element) if fmt else b"{}"
    if oid in oids.RANGES:
        return _RANGE[fmt]
    if oid in oids.MULTIRANGES:
        return _MULTIRANGE[fmt]
    info = types.get(oid)
    return None if info is None else _of_kind(info, fmt)


def _of_kind(info: TypeInfo, fmt: int) -> bytes | None:
    if info.kind == "e":
        return info.labels[0].encode() if info.labels else None
    if info.kind == "c":
        return _composite(info, fmt)
    if info.kind == "r":
        return _RANGE[fmt]
    if info.kind == "m":
        return _MULTIRANGE[fmt]
    if info.name in _EXTENSIONS:
        return _EXTENSIONS[info.name][fmt]
    # A type of an extension we do not know: its text form is free only when it calls itself a string.
    return STARS if info.category == "S" and info.kind == "b" else None


def _composite(info: TypeInfo, fmt: int) -> bytes:
    if not fmt:
        return b"(" + b"," * (len(info.fields) - 1) + b")"
    cells = b"".join(struct.pack(">Ii", oid, -1) for _, oid in info.fields)
    return struct.pack(">i", len(info.fields)) + cells
