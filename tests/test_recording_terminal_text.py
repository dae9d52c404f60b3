"""Output made safe to look at."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.recording.terminal_text import Plain, Safe

TEXT = st.text("\x1b[]P^_\\;?0123456789hlmcntJHb\x07\x9c\x9b\x18ax\r\n\x08é", max_size=60)


def safe(text: str) -> str:
    return Safe().feed(text)


HARMFUL = [
    "\x1b]52;c;cm0gLXJm\x07", "\x1b]52;c;cm0gLXJm\x1b\\", "\x1b]0;title\x07", "\x1b]8;;http://x\x07", "\x1b]11;?\x07",
    "\x1bP$qm\x1b\\", "\x1bPqimage\x1b\\", "\x1b_app\x1b\\", "\x1b^pm\x1b\\", "\x1bXsos\x1b\\", "\x1b[c", "\x1b[>c",
    "\x1b[6n", "\x1b[?6n", "\x1b[5n", "\x1bZ", "\x1b[x", "\x1b[?2004$p", "\x1b[21t", "\x1b[14t", "\x1b[?1000h",
    "\x1b[?1006h", "\x1b[?2004h", "\x1b[?1004h", "\x1b[5i", "\x1b[?5i", "\x1b[>4;1m", "\x1b[?25;1000h", "\x1bc",
    "\x1b[!p", "\x05", "\x9d", "\x1b%G", "\x0e", "\x1b[2 q",
]  # fmt: skip
DRAWING = [
    "\x1b[1;31mred\x1b[0m", "\x1b[2J\x1b[H", "\x1b[10;20H", "\x1b[3A\x1b[K", "\x1b[?1049h\x1b[?25l", "\x1b7\x1b8",
    "\x1b(0qq\x1b(B", "\x1b[38;5;200mx", "\x1b[5;20r", "\x1b[4h", "é漢\r\n\t\x08", "\x1b[38:2::1:2:3mx",
]  # fmt: skip


@pytest.mark.parametrize("text", HARMFUL)
def test_what_could_harm_a_viewer_is_taken_out_r6(text: str) -> None:
    """R6: clipboard, titles, links, device control, questions the terminal answers, mouse, printing, resets."""
    assert safe(f"a{text}b") == "ab"


@pytest.mark.parametrize("text", DRAWING)
def test_what_draws_is_kept(text: str) -> None:
    assert safe(text) == text


@given(TEXT, st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_pieces_make_no_difference_and_nothing_gets_through_r6(text: str, sizes: list[int]) -> None:
    """R6: an escape cut in two is an escape; what is left holds only what draws."""
    found, at, turn, shown = Safe(), 0, 0, ""
    while at < len(text):
        size = sizes[turn % len(sizes)]
        shown += found.feed(text[at : at + size])
        at, turn = at + size, turn + 1
    assert shown == safe(text)
    for escape in re.finditer("\x1b(.?)", shown, re.DOTALL):
        assert escape[1] in "[78DEHM()=>" and escape[1]
    for final in re.findall("\x1b\\[[0-?]*([ -/]*[@-~])", shown):
        assert final in "@ABCDEFGHIJKLMPSTXZ`abdefgmrsuhl"
    assert not re.search("[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x9f]", shown)


@given(TEXT)
def test_plain_text_has_no_controls(text: str) -> None:
    assert all(char in "\n\t" or char.isprintable() for char in Plain().feed(text))


def test_plain_text_keeps_the_words() -> None:
    assert Plain().feed("\x1b[32mok\x1b[0m\r\n\x1b]0;t\x07done\t1\r\n") == "ok\ndone\t1\n"


def test_an_endless_escape_is_dropped_up_to_its_end() -> None:
    found = Safe()
    began = time.process_time()
    shown = found.feed("a\x1b]0;") + "".join(found.feed("x" * 1000) for _ in range(300)) + found.feed("\x07b")
    assert shown == "ab"
    assert time.process_time() - began < 5
