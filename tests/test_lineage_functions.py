"""M1, M6: what is known of functions by name."""

from __future__ import annotations

import psycopg
import pytest

from tests.support.lineage import CATALOGUE, outputs, trace, with_functions
from twisted_hoop.lineage.functions import why_opaque, why_revealing

CASES = [
    (
        "select digest(card, 'md5'), public.digest(card, 'md5') from people",
        ["digest: people.card", "digest: people.card"],
    ),
    ("select pg_catalog.upper(card) from people", ["upper: people.card"]),
    ("select public.upper(card) from people", ["upper: ? people.card"]),
    ("select pg_temp.f()", ["f: ?"]),
    ("select (information_schema._pg_expandarray(array[card])).x from people", ["x: people.card"]),
    ("select information_schema.upper(card) from people", ["upper: ? people.card"]),
    (
        "select lo_get(1), loread(1, 1), ts_stat('x'), pg_read_file('x'), dblink('x')",
        ["lo_get: ?", "loread: ?", "ts_stat: ?", "pg_read_file: ?", "dblink: ?"],
    ),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_outputs(sql: str, expected: list[str] | None) -> None:
    assert outputs(sql) == expected


def test_a_users_function_shadows_a_builtin() -> None:
    """P18: whoever makes public.upper(people) must not get the builtin's transparency."""
    assert outputs("select upper(card) from people", with_functions("upper")) == ["upper: ? people.card"]


# Functions of pg_catalog that take the text of a query, or the name of a table, cursor or schema. Each is opaque.
NAMING = """
select distinct p.proname from pg_proc p
where p.oid < 16384 and (p.proargnames && array['query', 'tbl', 'cursor', 'tableforest'] or p.proname like '%_to_xml%')
"""


def test_M1_readers_of_a_real_server_are_known(shop: str) -> None:
    with psycopg.connect(shop) as connection:
        names = [str(name) for (name,) in connection.execute(NAMING)]
    assert len(names) > 10
    harmless = {"to_xmlschema", "querytree", "numnode"}
    assert not [n for n in names if n not in harmless and not why_opaque("", n, CATALOGUE)]


def test_M6_statistics_reveal() -> None:
    assert why_revealing("pg_catalog", "pg_stats", "histogram_bounds")
    assert why_revealing("pg_catalog", "pg_statistic", "stavalues1")
    assert why_revealing("public", "pg_stat_statements", "query")
    assert not why_revealing("public", "pg_stats", "histogram_bounds")
    assert not why_revealing("pg_catalog", "pg_stats", "tablename")


@pytest.mark.parametrize("call", ["query_to_xml('x', true, true, '')", "ts_stat('x')", "dblink('x', 'y')"])
def test_M7_P14_what_runs_text_may_store_anything(call: str) -> None:
    assert trace(f"select {call}").stored_opaque


def test_M7_a_courier_of_something_unknown() -> None:
    assert trace("select pg_notify('c', magic())").stored_opaque
    assert not trace("select pg_notify('c', 'x')").stored_opaque
