"""Words as bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.loop import Loop
from twisted_hoop.news.word import LONGEST, MISSED, Silence, Word, decode


@given(st.builds(Word, st.text(max_size=50), st.text(max_size=200), st.text(max_size=50)))
def test_a_word_comes_back(word: Word) -> None:
    text = word.encode()
    assert text.isascii() and decode(text) == decode(text.encode()) == word


@given(st.one_of(st.binary(), st.text(), st.just("[" * 3000), st.just('["a","b"]'), st.just('["a","b",1]')))
def test_anything_else_is_no_word(data: bytes | str) -> None:
    """A word or None, never anything else."""
    assert decode(data) is None


def test_what_is_too_long_is_not_sent_and_not_read() -> None:
    with pytest.raises(ValueError, match="too long"):
        Word("approval", "x" * LONGEST).encode()
    assert decode(b'["a","b","' + b"x" * LONGEST + b'"]') is None


def test_who_is_alone_tells_nobody(loop: Loop) -> None:
    silence = Silence()
    loop.run(silence.start)
    silence.tell(MISSED)
    loop.run(silence.stop)
