"""JSON as values and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.kubernetes.documents import dumps, loads

LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
THINGS = st.recursive(
    LEAVES | st.text(st.characters(exclude_categories=()), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(THINGS)
def test_any_value_there_and_back(thing: object) -> None:
    """Halves of surrogate pairs too, which only escapes can say."""
    assert loads(dumps(loads(json.dumps(thing).encode()))) == thing


@pytest.mark.parametrize("data", [b"", b"{", b"NaN", b"[Infinity]", b"1e999", b"\xff", b"{'a':1}", b"[" * 100_000])
def test_what_is_no_json(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(data)


def test_the_shortest_form() -> None:
    assert dumps({"a": [1, "é"]}) == '{"a":[1,"é"]}'.encode()
    assert dumps(["\ud800", 1]) == b'["\\ud800",1]'
