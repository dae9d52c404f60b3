"""M1: WITH queries."""

from __future__ import annotations

import pytest

from tests.support.lineage import named, outputs, trace

CASES = [
    ("with a as (select card from people) select * from a", ["card: people.card"]),
    ("with a(x) as (select card from people), b as (select x as y from a) select y from b", ["y: people.card"]),
    ("with people as (select 1 as card) select card from people", ["card:"]),
    ("with people as (select card from people) select card from people", ["card: people.card"]),
    (
        "with recursive a as (select card from people union all select card from a) select * from a",
        ["card: people.card"],
    ),
    (
        "with recursive t(a, b, c) as (select 'x', 'y', card from people union all select b, c, a from t) "
        "select a from t",
        ["a: people.card"],
    ),
    (
        "with recursive a as (select * from b), b as (select card from people) select * from a",
        ["card: people.card"],
    ),
    ("with recursive a(x) as (select x from a) select * from a", ["x: ?"]),
    ("with recursive a(x) as (select x from b), b(x) as (select x from a) select x from a", ["x: ?"]),
    (
        "with recursive t(n, s) as (with h as (select ssn from people) select 1, ssn from h union select n + "
        "1, s from t) select n, s from t",
        ["n:", "s: people.ssn"],
    ),
    (
        "with recursive t(a, b) as (select id, card from people union all select a, b from t) search depth "
        "first by b set o select o, a from t",
        ["o: people.card people.id", "a: people.id"],
    ),
    (
        "with recursive t(a, b) as (select id, card from people union all select a, b from t) cycle b set m "
        "using p select p, m from t",
        ["p: people.card people.id", "m: people.card people.id"],
    ),
    ("with d as (delete from people returning card as c) select c from d", ["c: people.card"]),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_outputs(sql: str, expected: list[str] | None) -> None:
    assert outputs(sql) == expected


def test_M7_a_with_query_nobody_reads_still_stores() -> None:
    found = trace("with u as (update notes set text = (select ssn from people)) select 1")
    assert named(found.stored) == "people.ssn"
