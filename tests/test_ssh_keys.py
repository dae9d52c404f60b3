"""Keys as a line editor takes them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.streams import SIZES, cut
from twisted_hoop.ssh.keys import LONGEST, Keys, strokes

ENTERS = (b"\r", b"\n", b"\x0f")


def typed(data: bytes) -> Keys:
    keys = Keys()
    keys.press(data)
    return keys


@given(st.binary(max_size=80) | st.text("\x1b[O~\r\n\x0fa1;AB\x7f", max_size=40).map(str.encode))
def test_no_enter_is_missed_and_no_byte_is_lost_c3(data: bytes) -> None:
    """C3: wherever a carriage return or line feed stands, inside escapes as well, it is a stroke of its own."""
    found, rest = strokes(data)
    assert b"".join(stroke.data for stroke in found) + rest == data
    for stroke in found:
        assert stroke.enter == (stroke.data in ENTERS)
        assert stroke.enter or not any(enter in stroke.data for enter in ENTERS)
    assert not any(enter in rest for enter in ENTERS) and rest[:1] in (b"", b"\x1b")


@given(st.text("ab\x1b[D\x7f\r", max_size=30).map(str.encode), SIZES)
def test_escapes_are_cut_anywhere(data: bytes, sizes: list[int]) -> None:
    whole = Keys()
    for stroke in strokes(data)[0]:
        if not stroke.enter:
            whole.press(stroke.data)
    pieces = Keys()
    rest = b""
    for piece in cut(data, sizes):
        found, rest = strokes(rest + piece)
        for stroke in found:
            if not stroke.enter:
                pieces.press(stroke.data)
    assert (pieces.text, pieces.exact) == (whole.text, whole.exact)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"ls -l", "ls -l"),
        (b"lx\x7fs", "ls"),
        (b"lx\x08s", "ls"),
        (b"s\x1b[Dl\x1b[C -l", "ls -l"),
        (b"bc\x01a\x05d", "abcd"),
        (b"bc\x1b[Ha\x1b[Fd", "abcd"),
        (b"abcd\x02\x02\x0b", "ab"),
        (b"abcd\x02\x02\x15", "cd"),
        (b"rm -rf /\x15ls", "ls"),
        (b"one two \x17three", "one three"),
        (b"\x17x", "x"),
        (b"abc\x02\x1b[3~", "ab"),
        (b"abc\x02\x04", "ab"),
        (b"wrong\x03right", "right"),
        (b"\x1b[200~pasted\x1b[201~", "pasted"),
        (b"\x1b[?1;2cx\x1b[I", "x"),
        ("café €".encode(), "café €"),
    ],
)
def test_the_line_as_typed(data: bytes, text: str) -> None:
    keys = typed(data)
    assert (keys.text, keys.exact) == (text, True)


@pytest.mark.parametrize(
    "key", [b"\x1b[A", b"\x1bOB", b"\t", b"\x12", b"\x10", b"\x19", b"\x1bb", b"\x1b[1;5D", b"\x18"]
)
def test_keys_that_only_the_screen_knows(key: bytes) -> None:
    """History, completion, search, words: what the line is then, the echo says."""
    assert not typed(b"ls" + key).exact


def test_brackets_of_a_paste() -> None:
    keys = typed(b"\x1b[200~a")
    assert keys.pasting
    keys.press(b"b\x1b[201~")
    assert not keys.pasting and keys.text == "ab"


def test_a_new_line() -> None:
    keys = typed(b"ls\t")
    keys.clear()
    assert (keys.text, keys.exact, keys.pressed) == ("", True, False)


def test_a_line_too_long_to_follow() -> None:
    """C8: neither memory nor time without end."""
    began = time.process_time()
    keys = typed(b"x" * (LONGEST + 1))
    for data in (b"y\x1b[D" * 20_000, b"\x1b" * 100_000, b"\x1b[" * 50_000):
        strokes(data)
        keys.press(data)
    assert not keys.exact and len(keys.text) <= LONGEST
    assert time.process_time() - began < 5


def test_the_escape_key_alone() -> None:
    assert not typed(b"ls\x1b").exact
