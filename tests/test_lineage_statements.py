"""M6, M7, M8: whole statements."""

from __future__ import annotations

import pytest
from postgast import pg_query_pb2 as pb

from tests.support.lineage import named, outputs, trace
from twisted_hoop.lineage import statements as lineage_statements

CASES = [
    ("explain select card from people", ["QUERY PLAN: ? people.card"]),
    ("explain select 1 from people where ssn = '1'", ["QUERY PLAN: ? people.ssn"]),
    ("explain select 1", ["QUERY PLAN:"]),
    ("prepare x as select card from people", ["card: people.card"]),
    ("declare c cursor for select card from people", ["card: people.card"]),
    ("copy (select card from people) to stdout", ["card: people.card"]),
    ("copy people (ssn, id) to stdout", ["ssn: people.ssn", "id: people.id"]),
    ("copy keys to stdout", ["id: keys.id", "data: keys.data"]),
    ("copy people from stdin", []),
    ("execute x", None),
    ("fetch 1 from c", None),
    ("move 1 from c", []),
    ("call magic(1)", None),
    ("show search_path", ["search_path:"]),
    ("show leak.x", ["leak.x: ?"]),
    ("show all", ["name:", "setting:", "description:"]),
    ("create table x as select card from people", []),
    ("vacuum", []),
    ("begin", []),
]


@pytest.mark.parametrize(("sql", "expected"), CASES)
def test_outputs(sql: str, expected: list[str] | None) -> None:
    assert outputs(sql) == expected


@pytest.mark.parametrize(
    "sql",
    [
        "create table x as select ssn from people",
        "create materialized view x as select ssn from people",
        "create view x as select ssn from people",
        "create schema s create view x as select ssn from people",
        "alter table people alter column name type text using ssn",
        "alter table people add column x text generated always as (upper(ssn)) stored",
        "explain analyze create table x as select ssn from people",
    ],
)
def test_M7_what_definitions_copy_is_stored(sql: str) -> None:
    assert named(trace(sql).stored) == "people.ssn"


@pytest.mark.parametrize(
    "sql",
    [
        "do $$ begin end $$",
        "create function f() returns int language sql as 'select 1'",
        "create trigger t before update on people execute function f()",
        "create rule r as on update to people do nothing",
        "create table x as execute y",
        "call magic()",
    ],
)
def test_M7_what_acts_out_of_sight_is_opaque(sql: str) -> None:
    assert trace(sql).stored_opaque


def test_every_statement_is_listed_or_opaque() -> None:
    """A statement of a later grammar that nobody has listed must not count as harmless."""
    listed = lineage_statements._HARMLESS | lineage_statements._OUT_OF_SIGHT | set(lineage_statements._HANDLERS)
    fields = {f.name for f in pb.Node.DESCRIPTOR.oneofs[0].fields}
    assert listed <= fields
