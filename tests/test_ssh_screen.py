"""The model of a screen."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.ssh.screen import BUDGET, PANICS, Screen


def shown(data: bytes, columns: int = 40, rows: int = 5) -> Screen:
    screen = Screen(columns, rows)
    screen.feed(data)
    return screen


@pytest.mark.parametrize(
    ("data", "before", "line"),
    [
        (b"$ ", "$ ", "$"),
        (b"one\r\n$ ls -l", "$ ls -l", "$ ls -l"),
        (b"$ ls -l\x1b[3D", "$ ls", "$ ls -l"),
        (b"\x1b[1;32m$\x1b[0m l\x1b[4ms\x1b[0m", "$ ls", "$ ls"),
        (b"$ " + b"x" * 60, "x" * 22, "$ " + "x" * 60),
        (b"\x1b]0;title\x07$ ls", "$ ls", "$ ls"),
        (b"$ abc\x1b[2K\r$ d", "$ d", "$ d"),
        (b"\r\n" * 9 + "$ é€".encode(), "$ é€", "$ é€"),
        (b"", "", ""),
    ],
)
def test_the_line_at_the_cursor(data: bytes, before: str, line: str) -> None:
    screen = shown(data)
    assert (screen.before_cursor(), screen.line()) == (before, line)


def test_characters_cut_in_two() -> None:
    screen = Screen(40, 5)
    for byte in "$ é€".encode():
        screen.feed(bytes((byte,)))
    assert screen.line() == "$ é€"


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (2**32 - 1, 2**32 - 1), (-5, 7)])
def test_sizes_s21(size: tuple[int, int]) -> None:
    """S21: terminals of no size and of any."""
    screen = Screen(*size)
    screen.feed("x漢字\r\ny\x1b[5;5Hz".encode())
    screen.resize(*size)
    screen.resize(3, 3)
    screen.feed(b"abc")
    assert isinstance(screen.line(), str)


PIECES = st.binary(max_size=60) | st.text("\x1b[;123HJKmAB?hl漢x\r\n", max_size=30).map(str.encode)


@given(st.integers(1, 30), st.integers(1, 6), st.lists(PIECES, max_size=6))
def test_anything_can_be_shown(columns: int, rows: int, pieces: list[bytes]) -> None:
    """A panic of the emulator is contained: the screen is empty then, and the session goes on."""
    screen = Screen(columns, rows)
    for piece in pieces:
        screen.feed(piece)
        screen.resize(rows, columns)
        assert isinstance(screen.line(), str) and isinstance(screen.before_cursor(), str)


FLOODS = [b"x" * 32768, b"\x1b[?1049h\x1b[?1049l" * 2000, b"\x1bc" * 8000, b"\x1b[65535b" * 3000, b"\n" * 32768]


@pytest.mark.parametrize("piece", FLOODS, ids=range(len(FLOODS)))
def test_a_flood_costs_little_and_the_prompt_behind_it_is_seen(piece: bytes) -> None:
    """`yes`, or worse: bounded work until a key is pressed; then the end of what was shown."""
    screen = Screen(200, 60)
    began = time.process_time()
    for _ in range(4 * BUDGET // len(piece)):
        screen.feed(piece)
    assert time.process_time() - began < 5
    screen.feed(b"\r\n\x1b[0m\r\n$ ")
    assert screen.typed() and not screen.typed()
    assert screen.before_cursor() == "$ "


def test_after_a_panic_the_screen_begins_again() -> None:
    """avt's own, when a wide character does not fit any more, or another that is made here."""
    screen = shown(b"$ one")
    for _ in range(PANICS - 1):
        screen._guarded(lambda: 1 // 0)
        screen.feed(b"$ two")
        assert screen.line() == "$ two"
    screen._guarded(lambda: 1 // 0)
    screen.feed(b"$ three")
    assert (screen.line(), screen.before_cursor()) == ("", "")
