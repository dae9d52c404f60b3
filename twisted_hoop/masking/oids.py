"""Object identifiers of PostgreSQL's built-in types: fixed numbers, the same in every server since 9.x.

Source: src/include/catalog/pg_type.dat of PostgreSQL 18. Only what masking has to tell apart is named.
"""

from __future__ import annotations

from typing import Final

BOOL: Final = 16
BYTEA: Final = 17
CHAR: Final = 18
INT8: Final = 20
INT2: Final = 21
INT4: Final = 23
OID: Final = 26
TEXT: Final = 25
JSON: Final = 114
FLOAT4: Final = 700
FLOAT8: Final = 701
BPCHAR: Final = 1042
VARCHAR: Final = 1043
NUMERIC: Final = 1700
RECORD: Final = 2249
UUID: Final = 2950
JSONB: Final = 3802
XML: Final = 142

INTEGERS: Final = {INT2: 2, INT4: 4, INT8: 8, OID: 4}
"""Integer types and their width in octets."""

TEXTS: Final = frozenset({CHAR, 19, 25, XML, 194, 705, BPCHAR, VARCHAR, 1790, 2275})
"""Types whose text and binary forms are the characters themselves: "char", name, text, xml, pg_node_tree, unknown,
bpchar, varchar, refcursor, cstring."""

ARRAYS: Final = {
    143: 142, 199: 114, 271: 5069, 629: 628, 651: 650, 719: 718, 775: 774, 791: 790, 1000: 16, 1001: 17, 1002: 18,
    1003: 19, 1005: 21, 1006: 22, 1007: 23, 1008: 24, 1009: 25, 1010: 27, 1011: 28, 1012: 29, 1013: 30, 1014: 1042,
    1015: 1043, 1016: 20, 1017: 600, 1018: 601, 1019: 602, 1020: 603, 1021: 700, 1022: 701, 1027: 604, 1028: 26,
    1034: 1033, 1040: 829, 1041: 869, 1115: 1114, 1182: 1082, 1183: 1083, 1185: 1184, 1187: 1186, 1231: 1700,
    1263: 2275, 1270: 1266, 1561: 1560, 1563: 1562, 2201: 1790, 2207: 2202, 2208: 2203, 2209: 2204, 2210: 2205,
    2211: 2206, 2287: 2249, 2949: 2970, 2951: 2950, 3221: 3220, 3643: 3614, 3644: 3642, 3645: 3615, 3735: 3734,
    3770: 3769, 3807: 3802, 3905: 3904, 3907: 3906, 3909: 3908, 3911: 3910, 3913: 3912, 3927: 3926, 4073: 4072,
    4090: 4089, 4097: 4096, 4192: 4191, 5039: 5038, 6150: 4451, 6151: 4532, 6152: 4533, 6153: 4534, 6155: 4535,
    6157: 4536,
}  # fmt: skip
"""Built-in array types and their elements, for when no catalogue snapshot is at hand."""

RANGES: Final = frozenset({3904, 3906, 3908, 3910, 3912, 3926})
MULTIRANGES: Final = frozenset({4451, 4532, 4533, 4534, 4535, 4536})
