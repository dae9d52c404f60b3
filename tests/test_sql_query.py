"""Tables and CTEs: what a query reads, whatever it calls things."""

from __future__ import annotations

import pytest

from tests.support.sql import fact, flags, only

READS = [
    ("select * from a, public.b", {"a", "public.b"}),
    ("select * from db.public.a", {"public.a"}),
    ("table a", {"a"}),
    ("values (1)", set()),
    ("select * from a join b using (id) left join c on true cross join d natural join e", set("abcde")),
    ("select * from (select * from a) x, lateral (select * from b where b.i = x.i) y", {"a", "b"}),
    (
        "select (select max(i) from a), array(select i from b) from c where exists (select 1 from "
        "d) or x in (select y from e)",
        set("abcde"),
    ),
    ("select 1 from a union select 2 from b except (select 3 from c intersect select 4 from d)", set("abcd")),
    ("select * from a order by (select max(i) from b) limit (select 1 from c) offset (select 2 from d)", set("abcd")),
    (
        "select count(*) filter (where exists (select 1 from a)) over (partition by (select 1 from b)) from c",
        set("abc"),
    ),
    ("select case when (select true from a) then (select 1 from b) else (select 2 from c) end", set("abc")),
    ("select coalesce((select 1 from a), nullif((select 2 from b), 3)), greatest((select 1 from c))", set("abc")),
    (
        "select json_object('k': (select 1 from a)), json_array(select 1 from b), xmlelement(name "
        "x, (select 1 from c))",
        set("abc"),
    ),
    ("select * from json_table((select j from a), '$' columns (x int path '$'))", {"a"}),
    ("select * from a tablesample system (10), xmltable('/r' passing (select d from b) columns x int)", {"a", "b"}),
    (
        "select * from f((select i from a)) where (x, y) = (select 1, 2 from b) group by grouping "
        "sets ((select 1 from c), ()) having (select true from d)",
        set("abcd"),
    ),
    ("select distinct on ((select 1 from a)) 1 from b window w as (order by (select 1 from c))", set("abc")),
    ("select * from only a, b* ", {"a", "b"}),
    ('select * from "A", "public.b", "x"."y.z"', {"A", '"public.b"', 'x."y.z"'}),
    (
        "select (array[(select 1 from a)])[(select 1 from b)], row((select 1 from c)),"
        ' (select 1 from d)::text collate "C"',
        set("abcd"),
    ),
    ("select * from a for update of a", {"a"}),
    ("select grouping(i) from a group by rollup (i, (select 1 from b))", {"a", "b"}),
    (
        "select x is distinct from (select 1 from a), x between (select 1 from b) and (select 2 "
        "from c), x like all (select 1 from d)",
        set("abcd"),
    ),
]
CTES = [
    ("with x as (select 1 from a) select * from x", {"a"}),
    ("with a as (select * from a) select * from a", {"a"}),
    ("with a as (select 1) select * from a", set()),
    ("with a as (select 1) select * from public.a", {"public.a"}),
    ("with x as (select 1), y as (select * from x) select * from y", set()),
    ("with y as (select * from x), x as (select 1) select * from y", {"x"}),
    ("with recursive y as (select * from x), x as (select 1) select * from y", set()),
    ("with recursive t as (select 1 union all select * from t) select * from t", set()),
    ("with t as (select 1 union all select * from t) select * from t", {"t"}),
    ("select * from (with x as (select 1) select * from x) s, x", {"x"}),
    ("select (with x as (select 1) select i from x), i from x", {"x"}),
    ("with x as (select 1) select (select i from x), * from (select * from x) y", set()),
    ("(with x as (select 1) select * from x) union select * from x", {"x"}),
    ("with x as (select 1) select * from x union select * from x", set()),
    ("with x as (with y as (select 1 from a) select * from y) select * from x, y", {"a", "y"}),
    ("with x as (select 1) select 1 where exists (with x as (select * from x) select * from x)", set()),
    ("select * from x where exists (with x as (select 1) select * from x)", {"x"}),
]


@pytest.mark.parametrize(("text", "tables"), READS + CTES)
def test_tables_read(text: str, tables: set[str]) -> None:
    assert fact(text, "table_read") == tables
    assert fact(text, "table") == tables
    assert fact(text, "table_write") == set()
    assert fact(text, "class") == {"read"}
    assert fact(text, "access") == {"read"}


@pytest.mark.parametrize(
    "verb", ["insert into x select * from x", "update x set a = 1 from x y", "delete from x using x y"]
)
def test_a_cte_never_hides_a_target(verb: str) -> None:
    text = f"with x as (select 1) {verb}"
    assert fact(text, "table_write") == {"x"}
    assert fact(text, "table_read") == set()


def test_schemas_are_noted_where_written() -> None:
    assert fact("select s.f() from a.b, c", "schema") == {"a", "s"}
    assert fact("select 1 from c", "schema") == set()


def test_names_are_folded_and_cut_as_postgresql_does() -> None:
    assert fact('select * from Foo, "Foo"', "table") == {"foo", "Foo"}
    assert fact("select * from " + "x" * 80, "table") == {"x" * 63}
    assert fact('select * from U&"\\0061b"', "table") == {"ab"}


def test_locks_and_select_into() -> None:
    assert flags("select * from a for update skip locked") == {"locks"}
    assert flags("select * from (select * from a for share) x") == {"locks"}
    assert only("select * into t from a").changes_catalogue
    assert fact("select 1 into temp t union select 2 from a", "class") == {"read", "write", "ddl"}
    assert flags("select 1 into temp t") == {"temp"}


def test_statistics_are_oracles() -> None:
    """M6: what the planner knows of the data."""
    assert flags("select * from pg_stats") == {"oracle"}
    assert flags("select * from pg_catalog.pg_statistic s") == {"oracle"}
    assert fact("select * from pg_largeobject", "class") == {"read", "large-object"}
