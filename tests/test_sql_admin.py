"""Privileges, roles, maintenance, EXPLAIN."""

from __future__ import annotations

import pytest

from tests.support.sql import classes, fact, flags, only

FACTS = [
    ("grant select (a) on s.t to r, public", {"table": {"s.t"}, "schema": {"s"}, "role": {"r", "public"}}),
    ("revoke all on all tables in schema s from r cascade", {"schema": {"s"}, "role": {"r"}, "flag": {"cascade"}}),
    ("grant usage on schema s to current_user", {"schema": {"s"}, "role": {"current_user"}}),
    ("grant execute on function f(int) to r", {"function": {"f"}, "role": {"r"}}),
    ("grant connect on database d to r", {"database": {"d"}}),
    ("grant set on parameter log_min_messages to r", {"setting": {"log_min_messages"}}),
    ("grant admin, ops to bob with admin option", {"role": {"admin", "ops", "bob"}}),
    (
        "alter default privileges for role a in schema s grant select on tables to b",
        {"role": {"a", "b"}, "schema": {"s"}},
    ),
    ("create role r in role admin", {"role": {"r", "admin"}}),
    ("drop role a, b", {"role": {"a", "b"}}),
    ("drop owned by a cascade", {"role": {"a"}, "flag": {"cascade"}}),
    ("reassign owned by a to b", {"role": {"a", "b"}}),
    ("alter role r in database d set search_path = x", {"role": {"r"}, "database": {"d"}, "setting": {"search_path"}}),
    ("create database d", {"database": {"d"}}),
    ("create extension e schema s cascade", {"extension": {"e"}, "schema": {"s"}, "flag": {"cascade"}}),
    ("import foreign schema a from server b into c", {"schema": {"c"}}),
    ("vacuum full s.t (a), u", {"table": {"s.t", "u"}}),
    ("reindex (concurrently) table t", {"table": {"t"}, "flag": {"concurrently"}}),
    ("reindex schema s", {"schema": {"s"}}),
    ("refresh materialized view concurrently s.m", {"table_write": {"s.m"}, "flag": {"concurrently"}}),
    ("lock table s.t in access exclusive mode", {"table": {"s.t"}, "flag": {"locks"}}),
    ("call s.p((select a from t))", {"function": {"s.p"}, "table_read": {"t"}, "class": {"dynamic", "read"}}),
    ("create publication p for table s.t where (a > 1)", {"table": {"s.t"}}),
]


@pytest.mark.parametrize(("text", "expected"), FACTS)
def test_facts(text: str, expected: dict[str, set[str]]) -> None:
    assert {name: fact(text, name) for name in expected} == expected


def test_do_in_another_language_reaches_further() -> None:
    assert classes("do $$x$$") == {"dynamic"}
    assert classes("do language plpgsql $$x$$") == {"dynamic"}
    assert classes("do language plpython3u $$x$$") == {"dynamic", "administration"}


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        ("", False),
        ("verbose", False),
        ("(analyze false)", False),
        ("(analyze off, buffers)", False),
        ("(analyze 0)", False),
        ("analyze", True),
        ("(analyze)", True),
        ("(analyze true)", True),
        ("(analyze on)", True),
        ("(analyze 1)", True),
        ("analyze verbose", True),
        ("(costs off, analyze 'on')", True),
        ("(analyze false, analyze true)", True),
        ("(analyse)", True),
    ],
)
def test_explain_executes_when_it_analyzes(options: str, runs: bool) -> None:
    """P14"""
    text = f"explain {options} delete from t where a = 1"
    assert classes(text) == ({"read", "write"} if runs else {"read"})
    assert ("explain-analyze" in flags(text)) == runs
    assert {"explain", "oracle"} <= flags(text)
    assert fact(text, "table_write") == ({"t"} if runs else set())
    assert fact(text, "table") == {"t"}
    assert only(text).inner is not None


def test_functions_stay_judged_while_planning() -> None:
    assert "file" in classes("explain select pg_read_file('x')")
    assert not only("explain create table t as select 1").changes_catalogue
    assert only("explain analyze create table t as select 1").changes_catalogue
