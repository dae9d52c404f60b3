"""What changes the session."""

from __future__ import annotations

import pytest

from tests.support.sql import fact, only


@pytest.mark.parametrize(
    ("text", "sets", "classes"),
    [
        ("set search_path = a, 'B'", (("search_path", "a, B"),), {"session"}),
        ("set local Work_Mem to '4MB'", (("work_mem", "4MB"),), {"session"}),
        ("set a.b = 1.5", (("a.b", "1.5"),), {"session"}),
        ("set x = default", (("x", None),), {"session"}),
        ("reset x", (("x", None),), {"session"}),
        ("set time zone 'UTC'", (("timezone", "UTC"),), {"session"}),
        ("set time zone interval '1' hour", (("timezone", "1"),), {"session"}),
        ("set names 'utf8'", (("client_encoding", "utf8"),), {"session"}),
        ("set names 'SJIS'", (("client_encoding", "SJIS"),), {"encoding"}),
        ("set standard_conforming_strings = off", (("standard_conforming_strings", "off"),), {"encoding"}),
        ("set standard_conforming_strings = on", (("standard_conforming_strings", "on"),), {"session"}),
        ("set role admin", (("role", "admin"),), {"privilege"}),
        ("set role none", (("role", "none"),), {"privilege"}),
        ("reset role", (("role", None),), {"privilege"}),
        ("set session authorization 'x'", (("session_authorization", "x"),), {"privilege"}),
        ("set session authorization default", (("session_authorization", None),), {"privilege"}),
        ("set row_security = off", (("row_security", "off"),), {"session"}),
        ("set session_replication_role = replica", (("session_replication_role", "replica"),), {"privilege"}),
        ("set default_transaction_read_only = off", (("default_transaction_read_only", "off"),), {"session"}),
        ("set transaction read write", (("transaction_read_only", "off"),), {"transaction"}),
        ("set transaction_read_only to false", (("transaction_read_only", "false"),), {"session"}),
        (
            "begin read only, isolation level serializable",
            (("transaction_read_only", "on"), ("transaction_isolation", "serializable")),
            {"transaction"},
        ),
        ("start transaction read write", (("transaction_read_only", "off"),), {"transaction"}),
        (
            "set session characteristics as transaction read write",
            (("default_transaction_read_only", "off"),),
            {"session"},
        ),
        ("set transaction snapshot 'x'", (("transaction_snapshot", "x"),), {"transaction"}),
    ],
)
def test_settings(text: str, sets: tuple[tuple[str, str | None], ...], classes: set[str]) -> None:
    statement = only(text)
    assert statement.sets == sets
    assert statement.facts["class"] == classes
    assert statement.facts["setting"] == {name for name, _ in sets}


def test_resets_of_everything() -> None:
    assert only("reset all").resets_all
    assert only("reset all").kind == "reset"
    everything = only("discard all")
    assert (everything.resets_all, everything.deallocates, everything.closes) == (True, "*", "*")
    assert everything.changes_catalogue
    assert not only("discard plans").resets_all


def test_names_of_prepared_statements_and_cursors() -> None:
    """P10"""
    assert only('prepare "P" as select 1').prepares == "P"
    assert only("execute p(1)").executes == "p"
    assert only("create table t as execute p").executes == "p"
    assert only("explain analyze execute p").executes == "p"
    assert only("deallocate p").deallocates == "p"
    assert only("deallocate all").deallocates == "*"
    assert only("declare c cursor with hold for select 1").declares == "c"
    assert only("fetch all in c").fetches == "c"
    assert only("move forward 5 from c").fetches == "c"
    assert only("close c").closes == "c"
    assert only("close all").closes == "*"


def test_settings_of_others_are_not_the_sessions() -> None:
    for text in (
        "alter role r set role = x",
        "alter database d set role = x",
        "alter system set role = x",
        "create function f() returns int language sql set role = x as 'select 1'",
    ):
        assert only(text).sets == ()
        assert fact(text, "setting") == {"role"}


def test_roles_taken_on_are_named() -> None:
    assert fact("set role admin", "role") == {"admin"}
    assert fact("set session authorization 'x'", "role") == {"x"}
    assert fact("reset role", "role") == set()
