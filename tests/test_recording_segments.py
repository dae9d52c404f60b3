"""Segments as the writer makes them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.recording.segments import HEAD, PLAIN, TAG, WORTH_PACKING, ZSTD, Segments

KEY, ROOT = bytes(range(32)), bytes(32)


def test_the_head_stands_in_the_clear_and_nothing_else() -> None:
    body = Segments(KEY, ROOT).seal(7, 2, 1_500_000, b'{"text":"drop"}', True)
    assert HEAD.unpack_from(body) == (1, 7, 2, 1_500_000, PLAIN)
    assert b"drop" not in body
    assert len(body) == HEAD.size + len(b'{"text":"drop"}') + TAG


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=30))
def test_numbers_and_so_nonces_count_up_and_never_come_again(parts: list[bytes]) -> None:
    segments = Segments(KEY, ROOT)
    numbers = [HEAD.unpack_from(segments.seal(1, 1, 0, part, False))[0] for part in parts]
    assert numbers == list(range(1, len(parts) + 1))


def test_much_text_is_packed_and_what_is_packed_already_is_not() -> None:
    segments, text = Segments(KEY, ROOT), b"select 1 from customers;" * WORTH_PACKING
    assert HEAD.unpack_from(segments.seal(1, 1, 0, text, True))[4] == ZSTD
    assert HEAD.unpack_from(segments.seal(1, 1, 0, text, False))[4] == PLAIN
    assert HEAD.unpack_from(segments.seal(1, 1, 0, text[:100], True))[4] == PLAIN
