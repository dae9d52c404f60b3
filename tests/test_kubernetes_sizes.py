"""Sizes of terminals: JSON objects one after the other, clamped, or a fault."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.kubernetes.sizes import Size, Sizes


def test_sizes_are_read_wherever_they_are_cut() -> None:
    sizes = Sizes()
    assert sizes.feed(b'{"Width":80,"Hei') == [] and sizes.feed(b'ght":24}\n{"Width":1,"Height":2}') == [
        Size(80, 24),
        Size(1, 2),
    ]
    assert json.loads(Size(80, 24).encoded()) == {"Width": 80, "Height": 24}


def test_S21_sizes_are_clamped() -> None:
    """S21: 0x0, 2^32, below zero."""
    assert Sizes().feed(b'{"Width":0,"Height":4294967296}{"Width":-5}') == [Size(0, 1000), Size(0, 0)]


@pytest.mark.parametrize(
    "data", [b"[]}", b"null}", b'{"Width":"80"}', b'{"Width":1.5}', b'{"Width":true}', b"x" * 2000, b"}"]
)
def test_what_is_none_is_a_fault(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        Sizes().feed(data)


@given(st.binary(max_size=60))
def test_anything_is_sizes_or_a_fault(data: bytes) -> None:
    try:
        assert all(0 <= size.columns <= 1000 and 0 <= size.rows <= 1000 for size in Sizes().feed(data))
    except ProtocolError as error:
        assert error.side == "client"
