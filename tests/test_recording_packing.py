"""Packing: what is packed comes out again, and no more than was asked for."""

from __future__ import annotations

import contextlib
import os

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.recording.packing import Unpackable, pack, packable, unpack


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


def test_what_packing_would_not_make_clearly_smaller_is_seen_by_a_few_pieces() -> None:
    assert packable(b"Nov 22 10:00:01 web-1 sshd[4711]: Accepted publickey for alice\n" * 200)
    assert packable(os.urandom(8192) + b"a line of a log\n" * 512)
    assert not packable(os.urandom(32768))
