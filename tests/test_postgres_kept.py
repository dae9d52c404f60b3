"""Rows that are kept while a result passes. With the relay: test_postgres_results.py."""

from __future__ import annotations

from twisted_hoop.postgres.kept import KEPT_LIMIT, KeptRows


def test_as_many_as_are_wanted() -> None:
    kept = KeptRows()
    kept.wanted = 2
    for body in (b"a", b"b"):
        kept.add(body)
    assert (kept.rows, kept.wanted) == ([b"a", b"b"], 0)
    kept.forget()
    assert (kept.rows, kept.wanted) == ([], 0)


def test_r10_nothing_is_kept_behind_a_row_that_was_too_much() -> None:
    """R10: and so the rows that are recorded are the first ones, without a gap."""
    kept = KeptRows()
    kept.wanted = 10
    kept.add(b"a")
    kept.add(b"x" * KEPT_LIMIT)
    assert (kept.rows, kept.wanted) == ([b"a"], 0)
