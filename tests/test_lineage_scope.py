"""M1: what names mean."""

from __future__ import annotations

import pytest

from tests.support.lineage import outputs

CASES = [
    ("select card from people, orders", ["card: people.card"]),
    ("select (select card) from people", ["card: people.card"]),
    (
        "select (select people) from people, lateral (select 1) x",
        ["people: people.card people.id people.name people.ssn"],
    ),
    ("select public.people.card from public.people", ["card: people.card"]),
    ("select nothing from people", ["nothing: ? people.card people.id people.name people.ssn"]),
    ("select people.nothing from people", ["nothing: ? people.card people.id people.name people.ssn"]),
    ("select nobody.id from people", ["id: ?"]),
    ("select people.ctid, tableoid from people", ["ctid:", "tableoid:"]),
    ("select secret from twice", ["secret: one.twice.secret two.twice.secret"]),
    ("select secret from one.twice", ["secret: one.twice.secret"]),
    (
        "select d.secret from differ d",
        ["secret: one.differ.id one.differ.secret two.differ.id two.differ.other"],
    ),
    (
        "select (select secret from differ) from twice",
        ["secret: one.differ.secret one.twice.secret two.twice.secret"],
    ),
    ("select * from differ", None),
    ("select x from (select coalesce(card) from people) q, (select 1 as x) r", ["x:"]),
    (
        "select (select xmlforest from (select xmlforest(card) from people) q) from (select 1 as xmlforest) o",
        ["xmlforest: people.card"],
    ),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_outputs(sql: str, expected: list[str] | None) -> None:
    assert outputs(sql) == expected
