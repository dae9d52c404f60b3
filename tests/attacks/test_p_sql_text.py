"""P9, P10, P13-P17: attacks by what a SQL text does, judged by real rules over real facts.

The policy here is a usual one: reading is allowed, everything else is not.
"""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.support.policy import command, decided
from tests.support.sql import classes, only
from twisted_hoop.model import Effect
from twisted_hoop.sql.reader import PROBLEM_FACTS, understand

READERS: list[dict[str, Any]] = [
    {"effect": "allow", "classes": ["read", "session", "transaction", "execute", "cursor"], "groups": [".*"]}
]


def judge(text: str) -> Effect:
    """What the policy above says of a text."""
    from tests.support.policy import alice

    known = understand(text)
    facts = tuple(s.facts for s in known.statements) or (PROBLEM_FACTS.get(known.problem, {}),)
    assert command(*facts).facts == facts
    return decided(READERS, *facts, by=alice("staff")).effect


def test_reading_is_allowed() -> None:
    for text in ("select * from t", "begin", "set work_mem = '4MB'", "with x as (select 1) select * from x", "fetch c"):
        assert judge(text) is Effect.ALLOW, text


@pytest.mark.parametrize(
    "text",
    [
        "select 1; drop table t",
        "drop table t; select 1",
        "select 1;;;/* */; delete from t",
        "select ';'; delete from t --';",
        "select $$;$$; delete from t",
        "select E'\\'; '; delete from t; --'",
        "begin; select 1; commit; delete from t",
        "select 1 \n;\n-- x\n delete from t",
        "select 1; selec 2",
        "select 1\0; delete from t",
        'select 1 as "a;b"; delete from t',
        "select 1 /* /* */ ; */; delete from t",
        "select '\\'; delete from t; --'",
    ],
)
def test_P9_a_second_statement_is_judged_too(text: str) -> None:
    assert judge(text) is Effect.DENY


def test_P9_what_only_looks_like_a_second_statement_is_not_one() -> None:
    for text in (
        "select '; drop table t'",
        "select $a$; drop table t$a$",
        "select 1 -- ; drop table t",
        'select 1 as "; x"',
    ):
        assert judge(text) is Effect.ALLOW, text


@pytest.mark.parametrize(
    "text",
    [
        "prepare p as delete from t",
        "prepare p as with x as (delete from t returning *) select * from x",
        "prepare p as select lo_export(1, 'x')",
        "select 1; prepare p (int) as update t set a = $1",
        "declare c cursor for select pg_read_file('x')",
        "explain analyze execute p; prepare q as insert into t values (1)",
    ],
)
def test_P10_sql_prepare_is_judged_by_what_it_prepares(text: str) -> None:
    assert judge(text) is Effect.DENY


def test_P10_execute_names_what_the_relay_must_look_up() -> None:
    statement = only("execute p(1, 'x')")
    assert (statement.executes, statement.facts["class"]) == ("p", {"execute"})
    assert only("prepare p as delete from t").inner.kind == "delete"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "text",
    [
        "do $$ begin execute 'drop ' || 'table t'; end $$",
        "call anything()",
        "select set_config('role', 'postgres', false)",
        "select pg_catalog.set_config(a, b, false) from (values ('role', 'postgres')) v(a, b)",
        "select * from set_config('search_path', 'x', true)",
        "set role postgres",
        "set session authorization postgres",
        "set local role none",
        "reset role",
        "create function f() returns int language plpgsql as 'begin execute $1; end'",
        "create or replace procedure p() language sql as 'delete from t'",
        "create trigger g before insert on t execute function f()",
        "create rule r as on select to t do instead select 1",
        "alter function f() security definer",
        "create extension plpython3u",
        "load '/tmp/x.so'",
        "select query_to_xml('delete from t', true, true, '')",
        "select table_to_xml('t', true, true, '')",
        "select * from ts_stat('select secret from t')",
        "select database_to_xml(true, true, '')",
        "select dblink_exec('host=x', 'drop table t')",
        "select * from crosstab('delete from t returning 1,2,3') as (a int)",
        "create operator ## (procedure = f, leftarg = int)",
        "create cast (text as int) with function f(text)",
    ],
)
def test_P13_code_in_strings_and_changes_of_role(text: str) -> None:
    assert judge(text) is Effect.DENY
    assert {"dynamic", "privilege", "administration"} & {
        c for s in understand(text).statements for c in s.facts["class"]
    }


@pytest.mark.parametrize(
    "text",
    [
        "select lo_export(1, '/tmp/x')",
        "select lo_import('/etc/passwd')",
        'select "pg_catalog"."lo_export"(1, $$x$$)',
        "select pg_read_file('/etc/passwd')",
        "select * from pg_ls_dir('.')",
        "select pg_terminate_backend(pid) from pg_stat_activity",
        "select pg_reload_conf()",
        "select * from dblink('host=x', 'select 1') as t(a int)",
        "select pg_create_logical_replication_slot('a', 'b')",
        "select * from pg_logical_slot_get_changes('a', null, null)",
        "select nextval('s')",
        "with x as (delete from t returning *) select * from x",
        "select * from (with x as (insert into t values (1) returning *) select * from x) y",
        "explain analyze delete from t",
        "explain (analyze, costs off) with x as (update t set a = 1 returning 1) select * from x",
        "explain analyze verbose create table x as select 1",
        "select * into x from t",
        "create table x as select * from t",
        "select 1 union select 2 from t where lo_unlink(3) = 1",
        "select 1 from t order by (select pg_switch_wal())",
        "select case when false then pg_cancel_backend(1) end",
        "select * from t where a = any (array(select lo_creat(1)))",
        "table t; truncate t",
    ],
)
def test_P14_side_effects_of_what_begins_like_a_read(text: str) -> None:
    assert judge(text) is Effect.DENY


@pytest.mark.parametrize(
    "text",
    [
        "copy t to program 'curl x'",
        "copy t from program 'id'",
        "copy (select 1) to program 'sh'",
        "copy t to '/tmp/x'",
        "copy t from '/etc/passwd'",
        "copy (select 1) to '/tmp/x' csv",
        "COPY t FROM PROGRAM $$id$$ WITH (FORMAT csv)",
    ],
)
def test_P15_programs_and_files_of_the_server(text: str) -> None:
    assert judge(text) is Effect.DENY
    assert {"program", "file"} & classes(text)


def test_P15_copy_out_names_what_leaves() -> None:
    statement = only("copy public.customers (id, ssn) to stdout csv")
    assert statement.facts["column"] == {"public.customers.id", "public.customers.ssn"}
    assert "copy-out" in statement.facts["class"]
    assert statement.copy is not None


@pytest.mark.parametrize(
    "text",
    [
        "set standard_conforming_strings = off",
        "set local standard_conforming_strings to 'no'",
        "set client_encoding = 'SJIS'",
        "set names 'GBK'",
        "set client_encoding to big5",
        "select set_config('standard_conforming_strings', 'off', false)",
        "copy t to stdout (encoding 'gbk')",
        "SET Standard_Conforming_Strings = 0",
    ],
)
def test_P16_a_change_of_how_text_is_read_has_its_own_class(text: str) -> None:
    assert judge(text) is Effect.DENY
    assert {"encoding", "dynamic"} & classes(text)


def test_P16_that_change_would_hide_a_statement(shop: str) -> None:
    """On a real server: the same text is one harmless string, or a string and a DELETE, by that setting alone."""
    text = r"select 'a\'; delete from no_such_table; --'"
    assert len(understand(text).statements) == 2
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute("set standard_conforming_strings = off")
        row = connection.execute(text).fetchone()
        assert row is not None
        assert "delete" in row[0]
        connection.execute("set standard_conforming_strings = on")
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute(text)


@pytest.mark.parametrize(
    "text",
    [
        "set transaction read write",
        "begin read write",
        "start transaction isolation level serializable, read write",
        "set session characteristics as transaction read write",
        "set default_transaction_read_only = off",
        "set transaction_read_only = off",
        "reset default_transaction_read_only",
        "reset all",
        "discard all",
        "select set_config('transaction_read_only', 'off', true)",
    ],
)
def test_P17_leaving_read_only_is_seen_in_every_spelling(text: str) -> None:
    """The relay refuses these for a read-only target; here is what it goes by."""
    statement = only(text)
    touched = {name for name, _ in statement.sets}
    assert statement.resets_all or touched & {"transaction_read_only", "default_transaction_read_only"}


def test_P17_a_read_of_a_view_or_function_cannot_be_told_by_parsing_alone() -> None:
    """Why the target itself is told to be read-only: a user's function may write, and the text does not show it."""
    statement = only("select harmless_looking()")
    assert statement.facts["class"] == {"read"}
    assert "user-function" in statement.facts["flag"]
