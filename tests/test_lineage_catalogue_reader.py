"""The catalogue of real servers, read as an ordinary role."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.catalogue import read_catalogue
from tests.support.postgres import Server, running_postgres
from twisted_hoop.lineage.catalogue import Catalogue
from twisted_hoop.lineage.catalogue_reader import CATALOGUE_SQL, build
from twisted_hoop.lineage.tracer import Tracer

THINGS = """
create type colour as enum ('red', 'green');
create domain small as int check (value < 10);
create type pair as (a int, b text);
create table things (id int, gone text, c colour, p pair, s small, twice int generated always as (id * 2) stored);
alter table things drop column gone;
create table child () inherits (things);
create table "Odd ""name" ("a b" int);
create view seen as select t.id, o."a b" from things t, "Odd ""name" o;
create rule r as on insert to "Odd ""name" do nothing;
create function mine(int) returns int language sql as 'select 1';
create function "Upper Case"() returns int language sql as 'select 1';
create operator @@@ (rightarg = int, function = mine);
create function colour_to_int(colour) returns int language sql as 'select 1';
create cast (colour as int) with function colour_to_int(colour);
create extension citext;
create sequence counter;
"""


@pytest.fixture(scope="module", params=[17, 18])
def catalogue(request: pytest.FixtureRequest) -> Iterator[Catalogue]:
    """A database of its own, read by a role that owns nothing and may do nothing."""
    with running_postgres(version=request.param) as server:
        dsn = server.create_database("things")
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(THINGS.encode())
        server.create_login("nobody_special", "word")
        yield read_catalogue(server.dsn_for("things", "nobody_special", "word"), version=7)


def _columns(catalogue: Catalogue, name: str) -> list[tuple[int, str]]:
    return [(c.number, c.name) for c in catalogue.by_name[name][0].columns]


def test_tables_columns_and_dropped_ones(catalogue: Catalogue) -> None:
    assert catalogue.version == 7
    assert _columns(catalogue, "things") == [(1, "id"), (3, "c"), (4, "p"), (5, "s"), (6, "twice")]
    assert _columns(catalogue, 'Odd "name') == [(1, "a b")]
    assert catalogue.by_name["counter"][0].kind == "S"
    assert catalogue.candidates("public", "things") == catalogue.candidates("", "things")
    assert not catalogue.candidates("other", "things")


def test_views_are_printed_with_schemas(catalogue: Catalogue) -> None:
    assert "public.things" in catalogue.by_name["seen"][0].definition
    assert not catalogue.by_name["pg_stats"][0].definition


def test_parents_rules_and_generated_columns(catalogue: Catalogue) -> None:
    things = catalogue.by_name["things"][0]
    assert catalogue.by_name["child"][0].parents == (things.oid,)
    assert [c.generated for c in things.columns] == ["", "", "", "", "(id * 2)"]
    assert catalogue.by_name['Odd "name'][0].rules
    assert not catalogue.by_name["seen"][0].rules


def test_types(catalogue: Catalogue) -> None:
    types = {t.name: t for t in catalogue.types.values()}
    assert types["colour"].labels == ("red", "green")
    assert types["small"].base == types["int4"].oid
    assert types["_int4"].element == types["int4"].oid
    assert types["pair"].fields == (("a", types["int4"].oid), ("b", types["text"].oid))
    assert types["things"].kind == "c"


def test_what_is_not_postgresqls_own(catalogue: Catalogue) -> None:
    assert {"mine", "Upper Case", "colour_to_int"} <= catalogue.functions
    assert catalogue.operators == {"@@@"}
    assert {"colour", "int4"} <= catalogue.cast_types
    assert "citext" in catalogue.harmless
    assert "=" not in catalogue.operators  # citext's own is harmless
    assert "upper" not in catalogue.functions


def test_what_functions_yield(catalogue: Catalogue) -> None:
    assert catalogue.function_columns["generate_series"] == ("",)
    assert catalogue.function_columns["jsonb_each"] == ("key", "value")
    assert "unnest" not in catalogue.function_columns
    assert "jsonb_populate_record" not in catalogue.function_columns
    assert "json_to_record" not in catalogue.function_columns


def test_a_functions_name_that_shadows_a_harmless_one(postgres: Server) -> None:
    dsn = postgres.create_database("shadow")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create extension citext")
        connection.execute("create schema evil")
        connection.execute("create function evil.citext(int) returns int language sql as 'select 1'")
    found = read_catalogue(dsn)
    assert "citext" in found.functions
    assert "citext" not in found.harmless


def test_reading_leaves_no_setting_behind(postgres: Server) -> None:
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        before = connection.execute("show search_path").fetchone()
        for sql in CATALOGUE_SQL:
            connection.pgconn.exec_(sql.encode())
        assert connection.execute("show search_path").fetchone() == before
        assert connection.execute("show transaction_read_only").fetchone() == ("off",)


def test_a_locked_table_does_not_hold_the_reader_up(postgres: Server) -> None:
    """Whoever holds a lock must not stop every other session: what is locked is opaque meanwhile."""
    dsn = postgres.create_database("locked")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("create table t (a int, g int generated always as (a + 1) stored)")
        connection.execute("create view v as select a from t")
        connection.execute("create view w as select 1 as one")
    with psycopg.connect(dsn) as holder:
        holder.execute("lock table t in access exclusive mode")
        start = time.process_time()
        found = read_catalogue(dsn)
        assert time.process_time() - start < 3
        assert not found.by_name["v"][0].definition
        assert found.by_name["w"][0].definition
        tracer = Tracer(found)
        assert [bool(o.opaque) for _, o in tracer.view_columns(found.by_name["v"][0].oid) or ()] == [True]
        assert [bool(o.opaque) for _, o in tracer.view_columns(found.by_name["t"][0].oid) or ()] == [False, True]
    assert read_catalogue(dsn).by_name["v"][0].definition


def test_a_thousand_tables_take_less_than_a_second(postgres: Server) -> None:
    dsn = postgres.create_database("large")
    create = "execute format('create table t%s (a int, b text, c date)', i);"
    many = f"do $$ begin for i in 1..1000 loop {create} end loop; end $$"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(many.encode())
    times = []
    for _ in range(3):
        start = time.process_time()
        found = read_catalogue(dsn)
        times.append(time.process_time() - start)
    assert len(found.relations) > 1000
    assert min(times) < 1.0


def test_the_shop(shop: str) -> None:
    found = read_catalogue(shop)
    events = found.by_name["events"][0]
    assert {r.name for r in found.relations.values() if events.oid in r.parents} == {"events_2025", "events_2026"}
    assert "public.customers" in found.by_name["customer_totals"][0].definition


CELLS = st.none() | st.text(max_size=8) | st.sampled_from(["1", "[]", '[[1, "a", 2]]', "t", "{"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.lists(CELLS, max_size=9), max_size=2), min_size=10, max_size=12))
def test_anything_else_is_a_value_error(rows: list[list[list[str | None]]]) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(build(rows, 1), Catalogue)
