"""What PostgreSQL calls columns without alias; compared with a real server."""

from __future__ import annotations

import psycopg
import pytest

from tests.support.lineage import outputs, trace

CASES = [
    (
        'select card::varchar, upper(ssn), (people).id, name collate "C" from people',
        ["card: people.card", "upper: people.ssn", "id: people.id", "name: people.name"],
    ),
    ("select x from (select xmlforest(card) from people) q", ["x: people.card"]),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_outputs(sql: str, expected: list[str] | None) -> None:
    assert outputs(sql) == expected


NAMELESS = [
    "1", "'a'", "null", "1 + 1", "1::bigint", "'a'::text", "upper('a')::varchar", "coalesce(1, 2)", "greatest(1, 2)",
    "least(1, 2)", "nullif(1, 2)", "case when true then 1 end", "case when true then 1 else length('a') end",
    "array[1]", "row(1)", "exists (select 1)", "array(select 1)", "(select 1 as z)", "(select upper('a'))",
    "(row(1, 2)).f1", "(array[1])[1]", "'a' collate \"C\"", "upper('a') collate \"C\"", "true and false",
    "1 is null", "(select 1)::text", "array[1]::int[]", "case when true then 1 end::text", "date '2026-01-01'",
    "1 = any (array[1])", "extract(year from now())", "trim('a')", "(select 1 union select 1)", "position('a' in 'b')",
]  # fmt: skip


def test_default_names_are_the_servers(shop: str) -> None:
    """A wrong name could make an outer column of that name stand for an inner one. Not to know is allowed."""
    with psycopg.connect(shop) as connection:
        for value in NAMELESS:
            description = connection.execute(f"select {value}".encode()).description
            found = trace(f"select {value}").outputs
            assert description is not None and found is not None
            assert found[0][0] in ("", description[0].name), value
