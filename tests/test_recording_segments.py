"""Segments as the writer makes them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.support.recordings import sealed_body
from twisted_hoop.recording import framing
from twisted_hoop.recording.sealing import CLEAR, chained
from twisted_hoop.recording.segments import HEAD, PLAIN, TAG, WORTH_BULK, WORTH_PACKING, ZSTD, Segments

KEY, ROOT = bytes(range(32)), bytes(32)


def test_the_head_stands_in_the_clear_and_nothing_else() -> None:
    body = sealed_body(Segments(KEY, ROOT), 7, 2, 1_500_000, b'{"text":"drop"}', True)
    assert HEAD.unpack_from(body) == (1, 7, 2, 1_500_000, PLAIN)
    assert b"drop" not in body
    assert len(body) == HEAD.size + len(b'{"text":"drop"}') + TAG


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=30))
def test_numbers_and_so_nonces_count_up_and_never_come_again(parts: list[bytes]) -> None:
    segments = Segments(KEY, ROOT)
    numbers = [HEAD.unpack_from(sealed_body(segments, 1, 1, 0, part, False))[0] for part in parts]
    assert numbers == list(range(1, len(parts) + 1))


def test_much_text_is_packed_and_what_is_packed_already_is_not() -> None:
    segments, text = Segments(KEY, ROOT), b"select 1 from customers;" * WORTH_PACKING
    assert HEAD.unpack_from(sealed_body(segments, 1, 1, 0, text, True))[4] == ZSTD
    assert HEAD.unpack_from(sealed_body(segments, 1, 1, 0, text, False))[4] == PLAIN
    assert HEAD.unpack_from(sealed_body(segments, 1, 1, 0, text[:100], True))[4] == PLAIN


@given(st.integers(0, 9000), st.booleans(), st.binary(min_size=32, max_size=32))
def test_the_frame_is_as_readers_want_it(size: int, streams: bool, previous: bytes) -> None:
    """Whichever way it was hashed; bulk it is from WORTH_BULK on, and of streams alone."""
    heads, sealed, chain = Segments(KEY, ROOT).seal(previous, 1, 1, 0, bytes(size), False, streams)
    head, body = heads[: framing.HEAD.size], heads[framing.HEAD.size :] + sealed
    assert framing.HEAD.unpack(head) == (
        len(body),
        framing.BULK if streams and len(body) >= WORTH_BULK else framing.SEALED,
    )
    assert chained(previous, head, body) == chain
    assert HEAD.size == CLEAR
