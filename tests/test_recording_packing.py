"""Packing: what is packed comes out again, and no more than was asked for."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.recording.packing import Unpackable, pack, unpack


@given(st.binary(max_size=5000))
def test_what_is_packed_comes_out_again(data: bytes) -> None:
    assert unpack(pack(data), len(data) + 1) == data


def test_a_frame_that_holds_more_than_allowed_gives_nothing() -> None:
    """Nobody fills a reader's memory with a small file."""
    packed = pack(bytes(1 << 22))
    assert len(packed) < 2000
    assert unpack(packed, 1 << 20) == b""


@given(st.binary(max_size=300))
def test_any_bytes_are_a_frame_or_not_and_nothing_else(data: bytes) -> None:
    with contextlib.suppress(Unpackable, EOFError):
        assert isinstance(unpack(data, 1 << 16), bytes)
