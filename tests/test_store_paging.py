"""Cursors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.store.paging import BadCursor, cursor_of, page_of, parse_cursor


@given(st.floats(min_value=-1e14, max_value=1e14), st.text("abcXYZ0189_-", max_size=64))
def test_a_cursor_comes_back(at: float, ident: str) -> None:
    assert parse_cursor(cursor_of(at, ident)) == (at, ident)


@given(st.text(max_size=500))
def test_any_text_is_a_cursor_or_none_of_ours(text: str) -> None:
    """A value or the documented error, never anything else."""
    try:
        at, ident = parse_cursor(text)
    except BadCursor:
        return
    assert isinstance(at, float) and isinstance(ident, str)


@pytest.mark.parametrize("text", ["", "bm8", "W10", "WzEsMl0", "WzFlOTk5LCJhIl0", "W05hTiwiYSJd", "=" * 400, "\u00e9"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(BadCursor):
        parse_cursor(text)


def test_pages_tell_whether_there_is_more() -> None:
    rows = [(3.0, "c"), (2.0, "b"), (1.0, "a")]
    page = page_of(rows, 2, lambda row: row)
    assert page.items == ((3.0, "c"), (2.0, "b")) and parse_cursor(page.next) == (2.0, "b")
    assert page_of(rows, 3, lambda row: row).next == ""
