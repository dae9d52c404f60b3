"""Where a value of JSON ends."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.streams import SIZES, cut
from twisted_hoop.kubernetes.scanning import EndScanner

THINGS = st.recursive(
    st.none() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(THINGS, max_size=3) | st.dictionaries(st.text(max_size=4), THINGS), SIZES, st.booleans())
def test_the_end_of_any_value(thing: object, sizes: list[int], pretty: bool) -> None:
    data = json.dumps(thing, indent=1 if pretty else None).encode()
    scanner, buffer = EndScanner(2), bytearray(b"  ")
    for piece in cut(data, sizes):
        buffer += piece
        end = scanner.end(buffer)
        assert end == -1 or end == len(data) + 2 == len(buffer)
    assert end == len(buffer) or scanner.end(buffer + b" tail", last=True) == len(data) + 2


def test_arrays_of_the_outermost_object() -> None:
    data = b'{"a":{"b":[1]},"c":[2],"d":[{"e":[3]}]}'
    scanner = EndScanner(0)
    found = []
    while (end := scanner.end(data, until_array=True)) == 0:
        found.append(scanner.array)
    assert [data[:at][-4:] for at in found] == [b'"c":', b'"d":'] and end == len(data)


def test_brackets_that_close_nothing() -> None:
    with pytest.raises(ValueError, match="closes"):
        EndScanner(0).end(b"}")


def test_a_long_string_is_not_scanned_for_every_byte() -> None:
    """K10."""
    scanner, buffer = EndScanner(0), bytearray(b'{"a":"')
    began = time.process_time()
    for _ in range(20_000):
        buffer += b"x" * 100
        assert scanner.end(buffer) == -1
    buffer += b'"}'
    assert scanner.end(buffer, last=True) == len(buffer)
    assert time.process_time() - began < 5
