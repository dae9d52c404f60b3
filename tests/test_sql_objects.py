"""DDL: which objects, and what it opens."""

from __future__ import annotations

import pytest

from tests.support.sql import classes, fact, flags, only

OBJECTS = [
    (
        "create table s.t (a int references s.u, b int default f())",
        {"table": {"s.t", "s.u"}, "table_write": {"s.t"}, "schema": {"s"}, "function": {"f"}},
    ),
    ("create temp table t (like u)", {"table_write": {"t"}, "table_read": {"u"}, "flag": {"temp"}}),
    ("create table t partition of p for values in (1)", {"table_write": {"t", "p"}}),
    ("create view s.v as select a from u", {"table_write": {"s.v"}, "table_read": {"u"}, "column": {"u.a"}}),
    (
        "create index concurrently i on t (a, lower(b)) include (c)",
        {"table_write": {"t"}, "column": {"t.a", "t.c", "?.b"}, "flag": {"concurrently"}},
    ),
    ("drop table a, s.b cascade", {"table_write": {"a", "s.b"}, "schema": {"s"}, "flag": {"cascade"}}),
    ("drop view v", {"table_write": {"v"}}),
    ("drop index concurrently i", {"table_write": {"i"}, "flag": {"concurrently"}}),
    ("drop schema a, b cascade", {"schema": {"a", "b"}, "flag": {"cascade"}}),
    ("drop function s.f(int)", {"function": {"s.f"}, "schema": {"s"}, "flag": {"user-function"}}),
    ("drop policy p on s.t", {"table_write": {"s.t"}, "class": {"ddl", "privilege"}}),
    ("drop trigger g on t", {"table_write": {"t"}}),
    ("drop extension e", {"extension": {"e"}}),
    ("alter table s.t rename to u", {"table_write": {"s.t"}}),
    ("alter table t rename column a to b", {"table_write": {"t"}, "column": {"t.a"}}),
    ("alter table t set schema z", {"table_write": {"t"}, "schema": {"z"}}),
    (
        "alter table t add b int, drop column c cascade, alter d type text using f(e)",
        {"column": {"t.b", "t.c", "t.d", "?.e"}, "flag": {"cascade", "user-function"}},
    ),
    ("alter table t attach partition u for values in (1)", {"table_write": {"t", "u"}}),
    ("alter table t add foreign key (a) references s.u (b)", {"table": {"t", "s.u"}, "table_write": {"t"}}),
    (
        "alter database d owner to r",
        {"database": {"d"}, "role": {"r"}, "class": {"ddl", "privilege", "administration"}},
    ),
    ("alter role a rename to b", {"role": {"a", "b"}, "class": {"ddl", "privilege"}}),
    ("comment on column s.t.a is 'x'", {"table_write": {"s.t"}}),
    ("comment on table s.t is 'x'", {"table_write": {"s.t"}}),
    ("comment on role r is 'x'", {"role": {"r"}}),
    (
        "create schema s create table t (a int) create view v as select 1 from u grant select on v to r",
        {
            "schema": {"s"},
            "table_write": {"t", "v"},
            "table_read": {"u"},
            "role": {"r"},
            "class": {"ddl", "privilege", "read"},
        },
    ),
    ("create schema authorization r", {"role": {"r"}, "class": {"ddl", "privilege"}}),
    (
        "create rule r as on insert to t do instead (delete from u; notify c)",
        {"table_write": {"t", "u"}, "class": {"ddl", "dynamic", "write", "notify"}},
    ),
    (
        "create trigger g after update on t for each row execute function s.f()",
        {"function": {"s.f"}, "table_write": {"t"}},
    ),
    (
        "create aggregate a (int) (sfunc = lo_export, stype = int)",
        {"function": {"lo_export"}, "class": {"ddl", "dynamic", "large-object", "file"}},
    ),
    ("create operator ## (procedure = s.f, leftarg = int)", {"function": {"s.f"}}),
    ("create cast (a as b) with function s.f(a)", {"function": {"s.f"}}),
    (
        "create function s.f(a int default g()) returns int return (select 1 from t)",
        {"function": {"s.f", "g"}, "table_read": {"t"}},
    ),
    (
        "create function f() returns int begin atomic insert into a select * from b; select 1; end",
        {"table_write": {"a"}, "table_read": {"b"}},
    ),
    (
        "create function f() returns int security definer set role = x language sql as 'x'",
        {"flag": {"security-definer"}, "setting": {"role"}, "class": {"ddl", "dynamic", "privilege"}},
    ),
    (
        "alter function f() security definer",
        {"flag": {"security-definer", "user-function"}, "class": {"ddl", "dynamic", "privilege"}},
    ),
    ("create function f() returns int language c as 'lib', 'sym'", {"class": {"ddl", "dynamic", "administration"}}),
    (
        "create policy p on t using (owner = current_user and f(x)) with check (true)",
        {"table_write": {"t"}, "function": {"f"}},
    ),
]


@pytest.mark.parametrize(("text", "expected"), OBJECTS)
def test_objects(text: str, expected: dict[str, set[str]]) -> None:
    assert {name: fact(text, name) for name in expected} == expected
    assert only(text).changes_catalogue == (only(text).kind in ("create", "alter", "drop"))


@pytest.mark.parametrize(
    "command",
    [
        "owner to r",
        "enable row level security",
        "disable row level security",
        "no force row level security",
        "disable trigger all",
        "enable replica trigger g",
        "disable rule r",
    ],
)
def test_guards_of_a_table_are_privileges(command: str) -> None:
    assert classes(f"alter table t {command}") == ({"ddl", "privilege"})
    assert classes("alter table t add a int") == {"ddl"}


def test_flags_of_temporary_things() -> None:
    assert flags("create temp view v as select 1") == {"temp"}
    assert flags("create table pg_temp.t (a int)") == {"temp"}
    assert flags("create temp sequence s") == {"temp"}
