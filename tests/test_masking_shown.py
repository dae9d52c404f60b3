"""Parameters as people see them."""

from __future__ import annotations

import struct
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.masking.shown import shown


@pytest.mark.parametrize(
    ("oid", "fmt", "value", "text"),
    [
        (25, 0, b"abc", "abc"),
        (25, 1, "é".encode(), "é"),
        (23, 1, struct.pack(">i", -7), "-7"),
        (26, 1, struct.pack(">I", 4 * 10**9), "4000000000"),
        (701, 1, struct.pack(">d", 2.5), "2.5"),
        (1700, 1, struct.pack(">hhHHH", 1, 0, 0, 0, 42), "42"),
        (16, 1, b"\x01", "true"),
        (16, 1, b"\x00", "false"),
        (2950, 1, uuid.UUID(int=7).bytes, str(uuid.UUID(int=7))),
        (1082, 1, struct.pack(">i", 366), "2001-01-01"),
        (1114, 1, struct.pack(">q", 10**6), "2000-01-01 00:00:01"),
        (3802, 1, b'\x01{"a": 1}', '{"a": 1}'),
        (17, 1, b"\x00\xff", "\\x00ff"),
        (23, 1, b"\x01\x02", "258"),
        (2950, 1, b"short", "\\x73686f7274"),
        (1082, 1, struct.pack(">i", 2**31 - 1), "\\x7fffffff"),
        (25, 0, b"\xff", "\\xff"),
        (0, 1, b"\x01", "\\x01"),
    ],
)
def test_forms(oid: int, fmt: int, value: bytes, text: str) -> None:
    assert shown(oid, fmt, value) == text


@given(
    st.sampled_from([0, 16, 17, 20, 25, 700, 1082, 1114, 1700, 2950, 3802]), st.integers(0, 1), st.binary(max_size=40)
)
def test_nothing_makes_it_fail(oid: int, fmt: int, value: bytes) -> None:
    assert isinstance(shown(oid, fmt, value), str)


def test_long_values_are_cut() -> None:
    assert len(shown(25, 0, b"x" * 100_000)) == 4097
    assert len(shown(25, 0, "é".encode() * 100_000)) == 4097
    assert len(shown(17, 1, b"\xff" * 100_000)) == 4097
