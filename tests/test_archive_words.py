"""Words and marks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.archive.words import MARKS, MAX_WORD, MAX_WORDS, mark_of, marks_of, words_of


def test_words_are_folded_and_cut_at_what_is_no_letter_or_digit() -> None:
    assert words_of("DELETE FROM Straße.card_no -- ＷＩＤＥ") == ("delete", "from", "strasse", "card", "no", "wide")
    assert words_of("= * \x00 \ud800 _") == ()


def test_there_is_an_end_to_words() -> None:
    assert len(words_of("a " * (MAX_WORDS + 10))) == MAX_WORDS
    assert words_of("b" * 1000) == ("b" * MAX_WORD,)


def test_beginnings_of_values_are_beginnings_of_marks() -> None:
    assert mark_of("target", "Web-1").startswith(mark_of("target", "web"))
    assert mark_of("target", "shop") != mark_of("person", "shop")
    assert marks_of("path", ["", " ", "/etc"]) == (mark_of("path", "/etc"),)


@given(st.text())
def test_whatever_the_text_words_are_plain(text: str) -> None:
    for word in words_of(text):
        assert word.isalnum() and not set(word) & set("'\"\\ :*_")
    for name in MARKS:
        assert mark_of(name, text)[1:] == mark_of(name, text)[1:].lower() and mark_of(name, text).isalnum()
