"""M1, M5: SELECT, VALUES and set operations."""

from __future__ import annotations

import pytest

from tests.support.lineage import named, outputs, trace

CASES = [
    ("table cards", ["owner: cards.owner people.name", "number: cards.number people.card"]),
    ("values (1, 'a'), (2, (select card from people))", ["column1:", "column2: people.card"]),
    ("values (1), (1, 2)", None),
    ("select name from people union select card from people", ["name: people.card people.name"]),
    ("select 'a' as x union all select 'b' union all select ssn from people", ["x: people.ssn"]),
    (
        "(select ssn from people order by 1 limit 1) except (select card from people)",
        ["ssn: people.card people.ssn"],
    ),
    ("select id from people union select id, name from people", None),
    ("select (select card from people)", ["card: people.card"]),
    ("select z from (select y as z from (select ssn as y from people) a) b", ["z: people.ssn"]),
    ("select c.x from people p, lateral (select (select p.card) as x) c", ["x: people.card"]),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_outputs(sql: str, expected: list[str] | None) -> None:
    assert outputs(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "select id from people where ssn = '1'",
        "select id from people order by ssn",
        "select ssn from people order by 1",
        "select ssn as x from people order by x",
        "select count(*) from people group by ssn",
        "select ssn from people group by 1",
        "select count(*) from people group by grouping sets ((ssn), ())",
        "select 1 from people having max(ssn) > '1'",
        "select distinct ssn from people",
        "select distinct on (ssn) id from people",
        "select 1 limit (select ssn::int from people)",
        "select id, sum(id) over w from people window w as (partition by ssn)",
        "select ssn from people intersect select ssn from people",
    ],
)
def test_M5_what_chooses_orders_or_groups_rows_is_a_predicate(sql: str) -> None:
    assert named(trace(sql).predicates) == "people.ssn"


@pytest.mark.parametrize(
    "sql", ["select name, ssn from people limit 2", "select name, ssn from people offset 2 limit 1"]
)
def test_a_number_of_rows_is_no_position_of_an_output(sql: str) -> None:
    assert named(trace(sql).predicates) == ""


def test_M5_a_limit_may_ask_all_the_same() -> None:
    """How many rows come back tells of the value."""
    assert named(trace("select 1 from people limit (select length(ssn) from people)").predicates) == "people.ssn"


def test_select_into_stores_and_returns_nothing() -> None:
    found = trace("select ssn into x from people union select ssn from people")
    assert found.outputs == () or found.outputs is None
    assert named(found.stored) == "people.ssn"
