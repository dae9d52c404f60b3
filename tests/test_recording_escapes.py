"""Text made safe to show."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.recording.escapes import visible


@given(st.text(st.characters()))
def test_what_is_shown_prints_and_nothing_is_left_out(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert len(shown) >= len(text)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for char in shown)
    assert [char for char in text if char.isprintable()] == [
        char for char in text if char in shown and char.isprintable()
    ]


@given(st.text(st.characters()))
def test_kept_characters_are_kept(text: str) -> None:
    assert visible(text, keep="\n").count("\n") == text.count("\n")


def test_every_kind_r6() -> None:
    """R6: OSC, CSI, DCS, C1, DEL, bidirectional marks, zero width, separators."""
    assert visible("\x1b]52;c;eA==\x07") == "\\x1b]52;c;eA==\\x07"
    assert visible("\x9b31m \x90q \x7f \0") == "\\x9b31m \\x90q \\x7f \\x00"
    assert visible("a\u202eb\u2066c\u200bd\u2028e\u00a0f") == "a\\u202eb\\u2066c\\u200bd\\u2028e\\xa0f"
    assert visible("\U000e0041 \ud800") == "\\U000e0041 \\ud800"
    assert visible("grüße, 東京 🎉") == "grüße, 東京 🎉"
