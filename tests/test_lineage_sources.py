"""M1: the items of FROM."""

from __future__ import annotations

import pytest

from tests.support.lineage import named, outputs, trace

CASES = [
    (
        "select * from people natural join orders",
        [
            "id: orders.id people.id",
            "name: people.name",
            "card: people.card",
            "ssn: people.ssn",
            "person: orders.person",
            "status: orders.status",
        ],
    ),
    ("select id from people full join orders using (id)", ["id: orders.id people.id"]),
    ("select j.id from people join orders using (id) as j", ["id: orders.id people.id"]),
    ("select j.c from (people cross join orders) as j(a, b, c)", ["c: people.card"]),
    ("select b from people as p(a, b, c)", ["b: people.name"]),
    (
        "select p.* from people as p(a)",
        ["a: people.id", "name: people.name", "card: people.card", "ssn: people.ssn"],
    ),
    ("select x from (select card from people) q(x)", ["x: people.card"]),
    (
        "select l.x from orders o, lateral (select p.ssn as x from people p where p.id = o.id) l",
        ["x: people.ssn"],
    ),
    ("select g from generate_series(1, 2) g", ["g:"]),
    ("select * from generate_series(1, 2) as g(x), now()", ["x:", "now:"]),
    ("select value from keys, jsonb_each(data)", ["value: keys.data"]),
    ("select j.* from keys, jsonb_each(data) j", ["key: keys.data", "value: keys.data"]),
    (
        "select t.v, t.n from people, string_to_table(ssn, '-') with ordinality as t(v, n)",
        ["v: people.ssn", "n: people.ssn"],
    ),
    ("select * from unnest(array[1, 2]) u", ["u:"]),
    ("select * from people, unnest(array[people]) u", None),
    ("select u from people, unnest(array[card]) u", ["u: people.card"]),
    ("select r.a from keys, jsonb_to_record(data) as r(a int, b text)", ["a: keys.data"]),
    ("select * from magic()", None),
    ("select m.x from magic() as m(x)", ["x: ?"]),
    (
        "select * from people tablesample system (1)",
        ["id: people.id", "name: people.name", "card: people.card", "ssn: people.ssn"],
    ),
    (
        "select t.* from keys, json_table(data, '$' columns (a text path '$.a', nested path '$.b' columns (c "
        "int path '$'))) t",
        ["a: keys.data", "c: keys.data"],
    ),
    (
        "select x.* from people, xmltable('/a' passing (ssn::xml) columns n for ordinality, v text path 'b') x",
        ["n: people.ssn", "v: people.ssn"],
    ),
    ("select * from rows from (generate_series(1, 2), now()) as r", ["generate_series:", "now:"]),
    ("select * from nowhere", None),
    ("select a from nowhere as n(a)", ["a: ?"]),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_outputs(sql: str, expected: list[str] | None) -> None:
    assert outputs(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 from people a join people b on a.ssn = b.ssn",
        "select 1 from people a join people b using (ssn)",
        "select 1 from people, generate_series(1, ssn::int)",
        "select 1 from people, string_to_table(ssn, '-')",
    ],
)
def test_M5_joins_and_row_counts_are_predicates(sql: str) -> None:
    assert named(trace(sql).predicates) == "people.ssn"
