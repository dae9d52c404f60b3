"""M1, M6: tables, views, generated columns, and PostgreSQL's own relations."""

from __future__ import annotations

import pytest

from tests.support.lineage import outputs

CASES = [
    ("select number from cards", ["number: cards.number people.card"]),
    ("select b from cards2", ["b: cards.number cards2.b people.card"]),
    ("select x from loop1", ["x: ? loop1.x loop2.x"]),
    ("select x from loop2", ["x: ? loop1.x loop2.x"]),
    ("select x from broken", ["x: ? broken.x"]),
    ("select x from short", ["x: ? short.x"]),
    ("select x from blind", ["x: ? blind.x"]),
    (
        "select id, last4, odd from made",
        ["id: made.id", "last4: made.card made.last4", "odd: ? made.card made.odd"],
    ),
    (
        "select tablename, most_common_vals from pg_stats",
        ["tablename: pg_stats.tablename", "most_common_vals: ? pg_stats.most_common_vals"],
    ),
    (
        "select pid, query from pg_catalog.pg_stat_activity",
        ["pid: pg_stat_activity.pid", "query: ? pg_stat_activity.query"],
    ),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_outputs(sql: str, expected: list[str] | None) -> None:
    assert outputs(sql) == expected
