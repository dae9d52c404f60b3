"""The dispatch tables name real nodes, and nodes without handler are still entered."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sql import fact
from twisted_hoop.sql.handlers import BY_FIELD, BY_TYPE
from twisted_hoop.sql.walk import FIELDS

PLACES = [
    "select {}",
    "select 1 from t where {} is null",
    "select f({})",
    "select 1 from t group by {}",
    "select 1 limit {}",
    "select array[{}]",
    "select row({}, 1)",
    "select case {} when 1 then 2 end",
    "select case when true then {} end",
    "select ({})::text",
    "select 1 in (1, {})",
    "select {} between 1 and 2",
    "select coalesce(1, {})",
    "select (array[1])[{}]",
    "select 1 union select {}",
    "select xmlforest({} as a)",
    "select json_array({})",
    "select json_object('a' value {})",
    "select sum(1) over (partition by {})",
    "select sum(1) over (rows {} preceding)",
    "select string_agg('a', 'b' order by {})",
    "select * from generate_series(1, {}) g",
    "select * from x join y on {} = 1",
    "select * from rows from (abs({})) r",
    "insert into x values ({})",
    "insert into x values (1) on conflict do update set a = {}",
    "insert into x values (1) returning {}",
    "update x set a = {} where b = 1",
    "update x set (a, b) = (1, {}) where b = 1",
    "update x set a[{}] = 1 where b = 1",
    "delete from x where a = {}",
    "merge into x using y on a = {} when matched then do nothing",
    "merge into x using y on true when matched and {} = 1 then do nothing",
    "merge into x using y on true when not matched then insert values ({})",
    "with q as (select {}) select 1",
    "execute p({})",
    "call p({})",
    "copy (select {}) to stdout",
    "explain select {}",
    "prepare p as select {}",
    "declare c cursor for select {}",
    "create table x as select {}",
    "create view x as select {}",
    "create rule r as on insert to x do select {}",
    "create function f() returns int return {}",
    "create table x (a int default {})",
    "create index i on x (({}))",
    "create policy p on x using ({} = 1)",
    "alter table x alter a set default {}",
    "create materialized view x as select {}",
    "select 1 from x tablesample system ({})",
    'select {} collate "C"',
    "select nullif({}, 1), greatest(1, {})",
    "select ({}) is json",
    "select * from json_table({}, '$' columns (a int path '$'))",
    "select * from xmltable({} passing '' columns a int)",
    "select xmlserialize(content {} as text)",
    "select 1 = any (array[{}])",
    "select distinct on ({}) 1",
    "values (1), ({})",
    "select not ({} = 1)",
    "select ({} = 1) is true",
    "select 1 order by {} using <",
    "select 1 offset {}",
    "select 1 fetch first ({}) rows only",
    "select json_scalar({}), json_serialize({})",
    "select json_value('a', '$' default {} on empty)",
    "select json_arrayagg({}), json_objectagg('a' value {})",
    "do 'x'; select {}",
    "create domain d as int check ({} = 1)",
    "create trigger g before update on x for each row when ({} = 1) execute function f()",
]


def test_tables_name_nodes_of_the_grammar() -> None:
    assert set(BY_FIELD) <= set(FIELDS)
    assert {name for name in BY_TYPE if name not in FIELDS.values()} <= set()


def test_a_side_effect_is_found_wherever_it_hides() -> None:
    """P14: one call and one table, put into every place of the grammar that takes an expression."""
    from twisted_hoop.sql.reader import understand

    for place in PLACES:
        text = place.replace("{}", "(select lo_export(1, 'x') from hidden)")
        known = understand(text)
        assert known.problem == "", (text, known.why)
        found = {c for s in known.statements for c in s.facts["class"]}
        tables = {t for s in known.statements for t in s.facts.get("table", ())}
        assert "file" in found, text
        assert "hidden" in tables, text


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from([p for p in PLACES if p.startswith("select") and p.count("{}") == 1]), min_size=1, max_size=4
    )
)
def test_and_when_places_are_nested(places: list[str]) -> None:
    text = "(select lo_export(1, 'x') from hidden)"
    for place in places:
        text = f"({place.replace('{}', text)})"
    inner = text[1:-1]
    assert "file" in fact(inner, "class")
    assert "hidden" in fact(inner, "table")
