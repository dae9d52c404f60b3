"""Blocks of lines, and what detectors find in them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.streams import CARD, DETECTORS, KEY, KEY_LINES, SIZES, cut, through
from twisted_hoop.masking.detectors import Detector
from twisted_hoop.masking.spans import SpanMasker
from twisted_hoop.masking.textblocks import KEPT, LINE, BlockMasker, LineBlocks, SpanLines

PATTERNS = [r"\Awhole line\z", "id-[0-9]+"]
MASKER = SpanMasker(Detector(DETECTORS), dict.fromkeys(DETECTORS, "redact"), KEY)
USERS = SpanMasker(Detector(DETECTORS, PATTERNS), dict.fromkeys([*DETECTORS, "pattern-1", "pattern-2"], "redact"), KEY)
WORDS = st.sampled_from([
    CARD, b"4111 1111 1111 1111", b"a@b.example", b"whole line", b"id-77", b" ", b"\n", b"\r\n", b"x", b"\xff\xfe",
    b"\0", b"\x1b[31m", b"\x1b[0m", b"DE89370400440532013000", b"-----BEGIN", b"{", b'"', b"\\u0034",
])  # fmt: skip
TEXTS = st.lists(WORDS, max_size=25).map(b"".join)


def by_line(masker: SpanMasker, data: bytes) -> bytes:
    """What must come out: each line by itself, in one piece."""
    look = BlockMasker(masker)
    lines = data.split(b"\n")
    shown = [look.apply(line + b"\n", []) for line in lines[:-1]]
    return b"".join((*shown, look.apply(lines[-1], [])))


@pytest.mark.parametrize("masker", [MASKER, USERS], ids=["own", "users"])
@given(TEXTS, SIZES)
def test_however_the_stream_is_cut_the_same_comes_out_m3(masker: SpanMasker, data: bytes, sizes: list[int]) -> None:
    """M3: values over the edges of pieces are found; nothing else is changed."""
    assert through(SpanLines(masker), *cut(data, sizes)) == by_line(masker, data)


@given(st.binary(max_size=300), SIZES)
def test_any_bytes_pass_where_nothing_is_found(data: bytes, sizes: list[int]) -> None:
    found = SpanLines(MASKER)
    shown = through(found, *cut(data, sizes))
    assert shown == data or found.masked


def test_escapes_inside_a_value_do_not_hide_it() -> None:
    """Colours between the digits; they stand behind the replacement, so that what follows looks as it did."""
    coloured = b"pay \x1b[31m4111 11\x1b[0m\x1b]8;;http://x\x0711 1111\x1b[1m 1111\x1b[0m now\n"
    assert through(SpanLines(MASKER), coloured) == b"pay \x1b[31m*****\x1b[0m\x1b]8;;http://x\x07\x1b[1m\x1b[0m now\n"


def test_digits_written_as_escapes_of_json_are_found() -> None:
    line = b'{"n":"\\u0034111 1111 1111 1111"}\n'
    assert through(SpanLines(MASKER), line) == b'{"n":"*****"}\n'


@given(SIZES)
def test_private_keys_over_many_lines(sizes: list[int]) -> None:
    text = b"before\n" + KEY_LINES + b"after_that\n" + KEY_LINES + b"end.\n"
    found = SpanLines(MASKER)
    shown = through(found, *cut(text, sizes))
    assert b"b3Blb" not in shown and b"Nz" not in shown
    assert b"before\n" in shown and b"after_that\n" in shown and shown.endswith(b"end.\n")
    assert found.masked == 2


def test_a_key_without_an_end_is_hidden_as_far_as_it_looks_like_one() -> None:
    found = SpanLines(MASKER)
    shown = through(found, *cut(KEY_LINES[:90] + b"\nAAAA\nBBBB\n$ prompt\n", [5]))
    assert shown == b"*****$ prompt\n"


def test_a_long_line_is_cut_where_nothing_is_found() -> None:
    values = b"".join(b'{"n":%d,"card":"4111 1111 1111 1111"},' % number for number in range(5_000))
    found = SpanLines(MASKER)
    out = b""
    for piece in cut(values, [5000]):
        out += found.feed(piece)
        assert found.held <= LINE + 5000
    out += found.flush()
    assert out == values.replace(b"4111 1111 1111 1111", b"*****")
    assert found.masked == 5_000


def test_a_long_word_that_is_no_value_is_not_changed() -> None:
    word = b"0123456789abcdef" * 20_000
    found = SpanLines(MASKER)
    assert through(found, *cut(word, [3000])) == word
    assert found.masked == 0


def test_blocks_end_with_lines_and_what_looks_like_a_value_waits() -> None:
    blocks = LineBlocks(lambda line: len(line) - KEPT)
    assert blocks.feed(b"one\ntwo") == b"one\n"
    assert (blocks.held, blocks.idle()) == (3, b"two")
    assert blocks.feed(b"\n$ card 4111 1111") == b"\n"
    assert (blocks.idle(), blocks.held) == (b"$ card ", 9)
    assert blocks.feed(b" 1111 1111\n") == b"4111 1111 1111 1111\n"
    assert blocks.feed(b"me@box:~$ ") + blocks.idle() == b"me@box:~$ "
    assert blocks.feed(b"token 9fQ2xh7PLm0aZk31") + blocks.idle() == b"token "
    assert blocks.flush() == b"9fQ2xh7PLm0aZk31"


EVIL = [b"\x1b[" * 100_000, b"\x1b]" * 100_000, CARD * 20_000, b"-----BEGIN PRIVATE KEY-----" * 5000, b"\n" * 200_000,
        b"\x1b[1m4\n" * 40_000, b'"\\u0034' * 40_000]  # fmt: skip


@pytest.mark.parametrize("data", EVIL, ids=range(len(EVIL)))
def test_nothing_takes_long(data: bytes) -> None:
    """C8: linear in what comes."""
    began = time.process_time()
    through(SpanLines(MASKER), *cut(data, [32768]))
    assert time.process_time() - began < 6


def test_a_line_ends_before_its_carriage_return_for_anchors_too() -> None:
    assert through(SpanLines(USERS), b"whole line\r\n") == b"*****\r\n"
    assert through(SpanLines(USERS), b"whole line\n") == b"*****\n"
