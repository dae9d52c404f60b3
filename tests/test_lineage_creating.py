"""Which tables a statement makes, and when its text is not enough to tell."""

from __future__ import annotations

import pytest

from tests.support.lineage import CATALOGUE
from twisted_hoop.lineage.creating import TEMPORARY, NewTable, new_table
from twisted_hoop.lineage.tracer import Tracer
from twisted_hoop.sql.reader import SqlReader

MADE = [
    ("create temp table z (a int, b text not null default 'x', primary key (a)) on commit drop", TEMPORARY, "a b"),
    ("create table z (a int generated always as identity)", "", "a"),
    ("create unlogged table own.z (a int, check (a > 0))", "own", "a"),
    ("create table pg_temp.z (a int)", TEMPORARY, "a"),
    ("create table z as select 1 as a, 2 as b", "", "a b"),
    ("create table z (x) as values (1, 2)", "", "x column2"),
    ("create temp table z as select id from people", TEMPORARY, "id"),
    ("select id, 1 as b into temp z from people", TEMPORARY, "id b"),
]
UNKNOWN = [
    "create table if not exists z (a int)",
    "create table if not exists z as select 1 as a",
    "create table z (like people)",
    "create table z () inherits (people)",
    "create table z partition of people default",
    "create table z (a int) partition by range (a)",
    "create table z of kind",
    "create table z (a int, b int generated always as (a + 1) stored)",
    "create table z as execute prepared",
    "create table z as select * from nowhere",
    "create table z as select 1 as a, 2 as a",
    "create materialized view z as select 1 as a",
    "create view z as select 1 as a",
    "create table elsewhere.public.z (a int)",
    "explain analyze create table z as select 1 as a",
    "select 1",
    "drop table z",
]


def made(sql: str) -> NewTable | None:
    (statement,) = SqlReader().understand(sql).statements
    return new_table(statement.tree, Tracer(CATALOGUE).trace)


@pytest.mark.parametrize(("sql", "schema", "columns"), MADE)
def test_what_is_made(sql: str, schema: str, columns: str) -> None:
    assert made(sql) == NewTable(schema, "z", tuple(columns.split()))


@pytest.mark.parametrize("sql", UNKNOWN)
def test_what_cannot_be_told(sql: str) -> None:
    assert made(sql) is None
