"""M7: definitions that copy, keep or hide values."""

from __future__ import annotations

import pytest

from tests.support.lineage import named, trace

ALL = "people.card people.id people.name people.ssn"


@pytest.mark.parametrize(
    ("sql", "stored"),
    [
        ("create view v as select ssn from people", "people.ssn"),
        ("create materialized view v as select ssn from people", "people.ssn"),
        ("alter table people alter column name type text using ssn", "people.ssn"),
        ("alter table people alter column ssn type text using trim(ssn)", ""),
        ("alter table people add column x text generated always as (upper(ssn)) stored", "people.ssn"),
        ("alter table people alter column name set expression as (ssn)", "people.ssn"),
        ("alter table people add check (set_config('a.b', ssn, false) is null)", "people.ssn"),
        ("create policy p on people using (pg_notify('c', ssn) is null)", "people.ssn"),
        ("alter policy p on people with check (pg_notify('c', ssn) is null)", "people.ssn"),
        ("alter table people rename column ssn to x", "people.ssn"),
        ("alter table people rename to x", ALL),
        ("alter index people rename to x", ALL),
        ("alter table people set schema other", ALL),
        ("alter table people inherit other", ALL),
        ("alter table other attach partition people default", ALL),
        ("create rule r as on update to people do nothing", ALL),
        ("alter table people rename constraint a to b", ""),
        ("alter table people add check (ssn > '1')", ""),
        ("alter table people drop column ssn", ""),
        ("alter index unheard_of rename to x", ""),
    ],
)
def test_M7_what_is_stored(sql: str, stored: str) -> None:
    assert named(trace(sql).stored) == stored


READER = "query_to_xml('select 1', true, true, '')::text"


@pytest.mark.parametrize(
    "sql",
    [
        f"create table t (a text default {READER})",
        f"alter table notes add column a text default {READER}",
        f"alter table notes alter column text set default {READER}",
        f"create domain d as text default {READER}",
        f"alter domain d set default {READER}",
        "create domain d as text check (pg_notify('c', value) is null)",
        "alter domain d add check (pg_notify('c', value) is null)",
        "create operator %% (rightarg = text, function = lo_import)",
        "create aggregate a (text) (sfunc = textcat, stype = text)",
        "create foreign table f (a text) server s",
        "create rule r as on update to people do nothing",
        "alter function f() rename to upper",
        "alter schema s rename to t",
        "alter function f() set schema pg_temp",
        f"execute x ({READER})",
    ],
)
def test_M7_what_cannot_be_shown(sql: str) -> None:
    assert trace(sql).stored_opaque


@pytest.mark.parametrize(
    "sql",
    [
        "create table t (id int primary key, at timestamptz default now(), a int check (a > 1))",
        "create domain d as text check (value ~ '^[a-z]+$') default 'x'",
        "alter table notes add column a int not null default 5",
        "alter table notes alter column text drop default",
        "create type t as enum ('a')",
        "create type t as (a int)",
        'create collation c from "C"',
        "alter table notes enable row level security",
        "create policy p on people using (ssn > '1')",
        "alter table notes rename constraint a to b",
    ],
)
def test_ordinary_definitions_store_nothing(sql: str) -> None:
    found = trace(sql)
    assert found.outputs == ()
    assert not found.stored
    assert not found.stored_opaque


def test_M5_a_policy_and_a_check_compare() -> None:
    assert named(trace("create policy p on people using (ssn > '1')").predicates) == "people.ssn"
    assert named(trace("alter table people add check (ssn > '1')").predicates) == "people.ssn"
