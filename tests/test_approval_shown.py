r"""What approvers see (A3)."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.approval.shown import hides, notes, shown, visible

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))


def unshown(text: str) -> str:
    return re.sub(r"\\u\{([0-9A-F]+)\}", lambda match: chr(int(match[1], 16)), text)


@given(ANY_TEXT | st.text(alphabet="\\u{5C}20EeаА\u202e\n"))
def test_a3_nothing_is_lost_and_nothing_hides(text: str) -> None:
    r"""A3: `shown` is one to one, whole, and holds nothing a terminal or browser acts upon."""
    seen = shown(text)
    assert unshown(seen) == text
    assert not any(map(hides, seen))
    seen.encode("utf-8")
    assert "\x1b" not in seen and "\r" not in seen
    assert visible(seen) == seen


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("DELETE FROM t -- \u202e", "DELETE FROM t -- \\u{202E}"),
        ("a\u200bb", "a\\u{200B}b"),
        ("\x1b[2K\rSELECT 1", "\\u{1B}[2K\\u{D}SELECT 1"),
        ("a\x00b\x7f\x9b", "a\\u{0}b\\u{7F}\\u{9B}"),
        ("SELECT\u00a01", "SELECT\\u{A0}1"),
        ("p\u0430yments", "p\\u{430}yments"),
        ("ｄｒｏｐ", "\\u{FF44}\\u{FF52}\\u{FF4F}\\u{FF50}"),
        ("\ufb01le²", "\\u{FB01}le\\u{B2}"),
        ("x\u3164y\u2800\ufe0f", "x\\u{3164}y\\u{2800}\\u{FE0F}"),
        ("e\u0301", "e\\u{301}"),
        ("\ud800", "\\u{D800}"),
        ("'\\u{202E}'", "'\\u{5C}u{202E}'"),
        ("\U000e0041", "\\u{E0041}"),
    ],
)
def test_a3_what_hides_or_imitates_is_written_out(text: str, seen: str) -> None:
    """A3: bidi, zero-width, terminal escapes, homoglyphs, blanks, tags."""
    assert shown(text) == seen


@pytest.mark.parametrize(
    "text", ["SELECT 1;\n\tSELECT 'naïve café… ½ ™'", "SELECT 'Привет, мир', '東京', '한국', 'ελληνικά'"]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert shown(text) == text


def test_every_unicode_control_and_format_character_is_hidden() -> None:
    for code in range(0x110000):
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp") and chr(code) not in "\n\t":
            assert hides(chr(code)), hex(code)


def test_notes_say_what_to_look_at() -> None:
    assert notes("SELECT 1\n") == () == notes("naïve")
    assert "imitating" in notes("\u202e")[0]
    mixed = notes("p\u0430y")
    assert "mix" in mixed[0] and "CYRILLIC" in mixed[1]


@given(ANY_TEXT)
def test_notes_never_fail(text: str) -> None:
    assert all(isinstance(note, str) for note in notes(text))
