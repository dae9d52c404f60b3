"""Values of RFC 4251, read and written."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.identity.ssh_wire import Reader, mpint, names, string, strings, u32, u64


@given(st.binary(), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.booleans(), st.integers(1, 2**300))
def test_what_is_written_is_read(data: bytes, small: int, large: int, flag: bool, number: int) -> None:
    reader = Reader(string(data) + u32(small) + u64(large) + bytes((flag,)) + string(mpint(number)) + b"rest")
    assert (reader.string(), reader.u32(), reader.u64(), reader.boolean()) == (data, small, large, flag)
    assert reader.mpint() == number and reader.more
    assert reader.rest() == b"rest"
    reader.end()


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (0, b""),
        (0x9A378F9B2E332A7, bytes.fromhex("09a378f9b2e332a7")),
        (0x80, b"\0\x80"),
    ],
)
def test_mpints_of_the_rfc(number: int, written: bytes) -> None:
    """RFC 4251, section 5."""
    assert mpint(number) == written


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\0\1", b"\x80", b"\xff", b"\0\x01"])
def test_numbers_are_positive_and_written_in_one_way(data: bytes) -> None:
    with pytest.raises(ValueError, match="number"):
        Reader(string(data)).mpint()


def test_strings_and_lists() -> None:
    assert strings(b"a", b"") == b"\0\0\0\1a\0\0\0\0"
    assert names([b"publickey", b"password"]) == b"publickey,password"


def test_what_goes_on_behind_its_end_is_told() -> None:
    with pytest.raises(ValueError, match="goes on"):
        Reader(b"x").end()


@given(st.binary(max_size=40), st.lists(st.sampled_from(["string", "u32", "u64", "byte", "boolean", "mpint"])))
def test_a_value_or_a_value_error(data: bytes, wanted: list[str]) -> None:
    reader: Any = Reader(data)
    try:
        for name in wanted:
            getattr(reader, name)()
        reader.end()
    except ValueError:
        return
    assert reader.position == len(data)
