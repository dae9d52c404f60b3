"""Columns, functions, constants: as precisely as the text alone allows, and never too few."""

from __future__ import annotations

import pytest

from tests.support.sql import fact, only

COLUMNS = [
    ("select ssn from c", {"c.ssn"}),
    ("select ssn from public.c", {"public.c.ssn"}),
    ("select x.ssn from public.c x", {"public.c.ssn"}),
    ("select public.c.ssn from public.c", {"public.c.ssn"}),
    ("select db.public.c.ssn from public.c", {"public.c.ssn"}),
    ("select * from c", {"c.*"}),
    ("select x.* from c x, d", {"c.*"}),
    ("select count(*) from c", set()),
    ("select x from c x", {"c.*", "c.x"}),
    ("select to_json(x), row_to_json(x.*) from c x", {"c.*", "c.x"}),
    ("select x.to_json from c x", {"c.*"}),
    ("select public.c.to_json from public.c", {"public.c.*"}),
    ("select (x).ssn from c x", {"c.*", "c.x"}),
    ("select b from c x(a, b)", {"c.*"}),
    ("select x.b from c x(a, b)", {"c.*"}),
    ("select ssn from c, d", {"?.ssn"}),
    ("select c.ssn, d.i from c, d where c.i = d.i", {"c.ssn", "d.i", "c.i"}),
    ("select s.ssn from (select ssn from c) s", {"c.ssn"}),
    ("select ssn from (select * from c) s", {"c.*"}),
    ("select s.* from (select ssn from c) s", {"c.ssn"}),
    ("with s as (select ssn from c) select ssn from s", {"c.ssn"}),
    ("select 1 from d where exists (select 1 from c where c.i = d.i)", {"c.i", "d.i"}),
    ("select 1 from d where exists (select 1 from c where ssn = 1)", {"?.ssn"}),
    ("select x.i from d x where exists (select x.i from c x)", {"d.i", "c.i"}),
    ("select j.ssn from (c join d on true) j", {"?.ssn"}),
    ("select j.* from (c join d on true) j", {"c.*", "d.*"}),
    ("select 1 from c join d using (ssn)", {"c.ssn", "d.ssn"}),
    ("select 1 from c natural join d", {"c.*", "d.*"}),
    ("select i as n from c order by n", {"c.i"}),
    ("select i from c order by ssn", {"c.i", "c.ssn"}),
    ("select 1 as ssn from c group by ssn", {"c.ssn"}),
    ("select i from c union select i from d order by i", {"c.i", "d.i"}),
    ("select i from c where upper(ssn) like 'a%' group by g having max(h) > 1", {"c.i", "c.ssn", "c.g", "c.h"}),
    ("select ssn", {"?.ssn"}),
    ('select "a.b" from c', {'c."a.b"'}),
    ("insert into c (a, b) values (1, 2)", {"c.a", "c.b"}),
    ("insert into c values (1)", {"c.*"}),
    ("insert into c (a) select x from d", {"c.a", "d.x"}),
    (
        "insert into c (a) values (1) on conflict (i) do update set b = excluded.e where f = 1",
        {f"c.{x}" for x in "aibef"},
    ),
    ("update c x set a = x.b where g = 1", {"c.a", "c.b", "c.g"}),
    ("update c set (a, b) = (select x, y from d)", {"c.a", "c.b", "?.x", "?.y"}),
    ("delete from c where ssn = 1 returning old.a, new.b, d", {"c.ssn", "c.a", "c.b", "c.d"}),
    ("update c set a = 1 returning with (old as o) o.*, a", {"c.a", "c.*"}),
    ("merge into c using d on c.i = d.i when matched then update set a = d.b", {"c.i", "d.i", "c.a", "d.b"}),
    ("copy c (a, b) to stdout", {"c.a", "c.b"}),
    ("copy c to stdout", {"c.*"}),
]


@pytest.mark.parametrize(("text", "columns"), COLUMNS)
def test_columns(text: str, columns: set[str]) -> None:
    assert fact(text, "column") == columns


@pytest.mark.parametrize(
    ("text", "functions", "user"),
    [
        ("select upper(a), pg_catalog.lower(b) from c", {"upper", "pg_catalog.lower"}, False),
        (
            "select extract(year from a), trim(b), substring(c from 1 for 2) from t",
            {"extract", "btrim", "substring"},
            False,
        ),
        ("select my_function(1)", {"my_function"}, True),
        ("select public.upper('x')", {"public.upper"}, True),
        ("select * from f(1) x", {"f"}, True),
        ("select * from rows from (f(1), generate_series(1, 2))", {"f", "generate_series"}, True),
        ("select sum(a) filter (where g(b)) over (order by h(c)) from t", {"sum", "g", "h"}, True),
        ("select 1 from t tablesample my_method (1)", {"my_method"}, True),
        ("call p(f(1))", {"p", "f"}, True),
        ("select current_user, coalesce(1, 2), greatest(1, 2)", set(), False),
    ],
)
def test_functions(text: str, functions: set[str], user: bool) -> None:
    assert fact(text, "function") == functions
    assert ("user-function" in fact(text, "flag")) == user


def test_string_constants_are_kept() -> None:
    text = "insert into t values ('a', E'b\\n', $$c$$, U&'\\0064', 5, null, 'e'::text, f('g'))"
    assert only(text).literals == ("a", "b\n", "c", "d", "e", "g")
    assert only("prepare p as select 'x'").literals == ("x",)
    assert only("execute p('y', 2)").literals == ("y",)
    assert only("notify c, 'z'").literals == ("z",)


def test_set_config_is_a_set() -> None:
    """P13"""
    statement = only("select set_config('Role', 'admin', false)")
    assert statement.facts["class"] == {"read", "dynamic", "privilege"}
    assert "encoding" in fact("select set_config('client_encoding', 'SJIS', false)", "class")
    assert fact("select set_config('work_mem', '1MB', false)", "class") == {"read", "dynamic"}
    assert statement.sets == (("role", "admin"),)
    assert only("select pg_catalog.set_config(a, b, true) from t").sets == (("?", "?"),)
