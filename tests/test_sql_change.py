"""Writes: what changes, and whether all of it."""

from __future__ import annotations

import pytest

from tests.support.sql import fact, flags, only


@pytest.mark.parametrize(
    ("text", "written", "read"),
    [
        ("insert into a values (1)", {"a"}, set()),
        ("insert into s.a select * from b", {"s.a"}, {"b"}),
        ("update a set x = (select 1 from b) from c where a.i = c.i", {"a"}, {"b", "c"}),
        ("delete from a using b where a.i in (select i from c) and a.i = b.i", {"a"}, {"b", "c"}),
        (
            "merge into a using b on a.i = b.i when matched then delete when not matched then insert values (b.i)",
            {"a"},
            {"b"},
        ),
        ("truncate a, s.b", {"a", "s.b"}, set()),
        ("with x as (insert into a select * from b returning *) select * from x", {"a"}, {"a", "b"}),
        ("insert into a default values returning *", {"a"}, {"a"}),
        ("with x as (delete from a where i = 1) insert into b values (1)", {"a", "b"}, set()),
    ],
)
def test_targets(text: str, written: set[str], read: set[str]) -> None:
    assert fact(text, "table_write") == written
    assert fact(text, "table_read") == read
    assert "write" in fact(text, "class")
    assert ("read" in fact(text, "access")) == (bool(read) or text.startswith("with x as (insert"))


EVERY = [
    "",
    "where true",
    "where 1=1",
    "where 'a' = 'a'",
    "where not false",
    "where id = id",
    "where a.id = id",
    "where 't'",
    "where x = 1 or true",
    "where 1=1 and 2=2",
    "where now() > '2000-01-01'",
    "where random() >= 0",
    "where $1",
    "where 't'::bool",
    "where (select true)",
    "where not (1=2)",
    "where true or false and x",
]
SOME = [
    "where id = 1",
    "where id = $1",
    "where true and x = 1",
    "where current of c",
    "where x",
    "where not x",
    "where 1=2",
    "where exists (select 1 from b where b.i = 1)",
    "where false",
    "where a.id = b.id",
]


@pytest.mark.parametrize("where", EVERY)
def test_every_row(where: str) -> None:
    for text in (
        f"delete from a {where}",
        f"update a set x = 1 {where}",
        f"with d as (delete from a {where}) select 1",
    ):
        assert "no-where" in flags(text)


@pytest.mark.parametrize("where", SOME)
def test_some_rows(where: str) -> None:
    assert "no-where" not in flags(f"delete from a {where}")
    assert "no-where" not in flags(f"update a set x = 1 {where}")


def test_merge_of_every_row() -> None:
    assert "no-where" in flags("merge into a using b on true when matched then delete")
    assert "no-where" not in flags("merge into a using b on true when matched and a.x = 1 then delete")
    assert "no-where" not in flags("merge into a using b on true when not matched then insert values (1)")


def test_other_flags() -> None:
    assert flags("truncate a cascade") == {"cascade"}
    assert flags("insert into a values (1) returning i") == {"returning"}
    assert flags("with x as (update a set i = 1 where i = 2) select 1") == {"writing-cte"}
    assert flags("with x as (select 1) select 1") == set()


def test_settings_and_catalogues_that_are_tables() -> None:
    """P13, P16: UPDATE of pg_settings is SET; a catalogue's rows are roles and privileges."""
    assert fact("update pg_settings set setting = 'off' where name = 'standard_conforming_strings'", "class") == {
        "write",
        "dynamic",
    }
    assert only("update pg_catalog.pg_settings set setting = 'x'").sets == (("?", "?"),)
    assert "administration" in fact("update pg_authid set rolsuper = true where rolname = 'x'", "class")
    assert "administration" in fact("copy pg_catalog.pg_proc from stdin", "class")
    assert "large-object" in fact("delete from pg_largeobject where loid = 1", "class")
    assert fact("update public.pg_thing set a = 1 where b = 2", "class") == {"write"}
