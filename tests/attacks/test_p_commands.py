"""P9, P11-P15, P17, R8: what a reader may not do, whatever it is wrapped in. Live gateway, real server.

`ci` may read, use transactions and settings. Every attack is looked for at the target afterwards, past the gateway.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.plans import target
from tests.support.attacks import LOGIN, Attacked, attacked
from tests.support.postgres import Server
from tests.support.wire import bind, cells, codes, execute, kinds, message, parse, query, sync

RULES = """
[[rules]]
name = "owner"
effect = "allow"
groups = ["dba"]
functions = ["", ".*"]
classes = ["read", "write", "ddl", "privilege", "session", "transaction", "copy-in", "copy-out", "dynamic", "cursor",
  "execute", "notify", "maintenance"]
[[rules]]
name = "read"
effect = "allow"
classes = ["read", "transaction", "session", "copy-out"]
"""
CLEVER = """
create table marks (who text);
create function marked(text) returns int language plpgsql as $$ begin insert into marks values ($1); return 1; end $$;
create procedure mark_by_call(text) language sql as $$ insert into marks values ($1) $$;
create view quiet as select 1 as one;
grant all on marks to public;
"""


@pytest.fixture(scope="module")
def house(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    folder = tmp_path_factory.mktemp("commands")
    reading = target("reading", postgres, f"attacked_{folder.name}", LOGIN, ["read_only = true"])
    with attacked(postgres, folder, RULES, "", reading) as house:
        with house.connect("bob") as owner:
            for statement in CLEVER.strip().split(";\n"):
                owner.execute(statement.rstrip(";").encode())
        yield house


def marks(house: Attacked) -> int:
    """What the attacks left at the target."""
    ((rows, large, tables),) = house.superuser(
        "select (select count(*) from marks), (select count(*) from pg_largeobject_metadata),"
        " (select count(*) from pg_class where relname like 'stolen%')"
    )
    return int(rows) + int(large) + int(tables)


MARK = "insert into marks values ('x')"
SEVERAL = [
    f"select 1; {MARK}",
    f"select 1;;; {MARK};",
    f"/* harmless */ select 1 -- \n; {MARK}",
    f"select ';' ; {MARK}",
    f"select $a$ ; $b$ ; $a$; {MARK}",
    f"select U&'\\003b'; {MARK}",
    f"begin; select 1; {MARK}; commit",
    f"select E'\\''; {MARK} --'",
    f"select 1 /* /* nested */ ; */ ; {MARK}",
    f"select 1;\u00a0{MARK}",
]
HIDDEN = [
    "with w as (insert into marks values ('x') returning 1) select * from w",
    "with w as (select 1), v as (delete from orders returning 1) select * from w",
    "explain analyze insert into marks values ('x')",
    "explain (analyze true, costs off) with w as (insert into marks values ('x') returning 1) select 1 from w",
    "select 1 into stolen_a",
    "select 1 into temp stolen_b",
    "create table stolen_c as select 1",
    "select marked('x')",
    "select (select marked('x'))",
    "select * from marked('x')",
    "select 1 from orders where marked('x') = 1",
    "select 1 order by marked('x')",
    "select count(*) filter (where marked('x') = 1) from orders",
    "select public.marked('x')",
    "select \"marked\"('x')",
    "select U&\"m\\0061rked\"('x')",
    "select case when true then marked('x') end",
    "values (marked('x'))",
    "select lo_from_bytea(0, 'x')",
    "select lo_creat(-1)",
    "select lo_import('/etc/hostname')",
    "select lo_export(1, '/tmp/exported')",
    "select pg_read_file('PG_VERSION')",
    "select pg_read_binary_file('PG_VERSION')",
    "select pg_ls_dir('.')",
    "select pg_stat_file('PG_VERSION')",
    "select pg_terminate_backend(pid) from pg_stat_activity",
    "select pg_cancel_backend(pid) from pg_stat_activity",
    "select pg_reload_conf()",
    "select pg_rotate_logfile()",
    "select pg_switch_wal()",
    "select pg_create_physical_replication_slot('s')",
    "select dblink('host=127.0.0.1', 'select 1')",
    "select query_to_xml('insert into marks values (1) returning 1', true, true, '')",
    "select setval('nothing', 1)",
    "select nextval('nothing')",
    "select pg_notify('a', 'b')",
    "select set_config('role', 'postgres', false)",
]
DYNAMIC = [
    "do $$ begin insert into marks values ('x'); end $$",
    "do language plpgsql 'begin execute ''insert into marks values (1)''; end'",
    "call mark_by_call('x')",
    "create function stolen_f() returns int language sql as 'select 1'",
    "set role postgres",
    "set local role postgres",
    "set session authorization postgres",
    "reset session authorization",
    "alter role attacked set search_path = x",
    "alter database postgres set search_path = x",
    "alter system set work_mem = '1GB'",
    "select set_config('sea' || 'rch_path', 'x', false)",
    "prepare p as insert into marks values ('x')",
    "declare c cursor for select marked('x')",
    "create temp view stolen_v as select marked('x')",
    "load 'auto_explain'",
    "listen a",
    "notify a",
    "grant select on orders to public",
    "comment on table orders is 'x'",
    "truncate marks",
    "vacuum orders",
    "prepare transaction 'x'",
]
COPIES = [
    "copy marks from stdin",
    "copy marks from program 'echo x'",
    "copy marks from '/etc/hostname'",
    "copy (select 1) to program 'cat > /tmp/stolen'",
    "copy orders to '/tmp/stolen'",
    "copy (insert into marks values ('x') returning 1) to stdout",
    "copy (select marked('x')) to stdout",
    "COPY orders TO /**/ PROGRAM 'true' WITH (FORMAT csv)",
]


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("text", [*SEVERAL, *HIDDEN, *DYNAMIC, *COPIES])
def test_P9_P13_P14_P15_P16_a_reader_changes_nothing(house: Attacked, text: str, extended: bool) -> None:
    """Refused with 42501, and nothing of it is at the target; the session goes on."""
    before = marks(house)
    with house.wire() as wire:
        wire.query("begin")
        if extended:
            wire.send(parse("", text), bind(), execute(), sync())
        else:
            wire.send(query(text))
        assert codes(wire.until_ready()) == ["42501"]
        wire.query("commit")
        assert cells(wire.query("select 'alive'")) == [[b"alive"]]
    assert marks(house) == before == 0


def test_P14_these_do_work_for_whom_they_are_allowed(house: Attacked) -> None:
    """The attacks are real: the owner marks the table by most of them."""
    with house.wire("bob") as wire:
        worked = 0
        for text in (*SEVERAL[:6], *HIDDEN[:3], *HIDDEN[7:18], DYNAMIC[0], DYNAMIC[2]):
            wire.query("begin")
            wire.query(text)
            worked += cells(wire.query("select count(*) > 0 from marks")) == [[b"t"]]
            wire.query("rollback")
    assert worked >= 18


def test_P11_what_is_pipelined_behind_a_refusal_is_not_run(house: Attacked) -> None:
    """P11: discarded up to the Sync, one error, the transaction status right; what follows the Sync runs."""
    refused = [parse("", MARK), bind(), execute()]
    allowed = [parse("", "select 'seen'"), bind(), execute()]
    with house.wire() as wire:
        wire.send(*allowed, *refused, *allowed, *allowed, sync(), *allowed, sync())
        answer = wire.until_ready(2)
        assert kinds(answer) == "12DCEZ12DCZ"
        assert [m.body for m in answer if m.kind == "Z"] == [b"I", b"I"]
        wire.send(query("begin"), *allowed, *refused, sync(), *allowed, sync(), query("rollback"))
        answer = wire.until_ready(4)
        assert kinds(answer) == "CZ12DCEZEZCZ"
        assert [m.body for m in answer if m.kind == "Z"] == [b"T", b"E", b"E", b"I"]
        wire.send(*refused, query(MARK), message("d", b"x\n"), message("c"), sync())
        assert kinds(wire.until_ready()) == "EZ"
    assert marks(house) == 0


def test_P12_a_function_call_without_text_is_refused(house: Attacked) -> None:
    """P12: lo_creat (957) and a function of their own, by the fast path."""
    ((oid,),) = house.superuser("select 'marked'::regproc::oid::int8")
    with house.wire() as wire:
        for function in (957, oid):
            body = function.to_bytes(4, "big") + b"\0\1\0\0\0\1\0\0\0\1x\0\0"
            wire.send(message("F", body))
            assert codes(wire.until_ready()) == ["42501"]
        assert cells(wire.query("select 'alive'")) == [[b"alive"]]
    assert marks(house) == 0


def test_P15_copy_both_and_replication_do_not_begin(house: Attacked) -> None:
    """P15: replication commands are no SQL, and a COPY that nobody asked for does not begin."""
    with house.wire() as wire:
        for text in ("START_REPLICATION 0/0", "IDENTIFY_SYSTEM", "BASE_BACKUP", "CREATE_REPLICATION_SLOT a PHYSICAL"):
            assert codes(wire.query(text)) == ["42501"]
        wire.send(message("d", b"rows"), message("c"), query("select 'alive'"))
        assert cells(wire.until("Z")) == [[b"alive"]]


READ_ONLY_ESCAPES = [
    "set transaction read write",
    "set session characteristics as transaction read write",
    "set default_transaction_read_only = off",
    "set transaction_read_only = off",
    "begin read write",
    "start transaction read write",
    "begin; set transaction read write; insert into marks values ('x')",
    "select set_config('transaction_read_only', 'off', false)",
    "select set_config('transaction_' || 'read_only', 'off', false)",
    "reset default_transaction_read_only",
    "reset all",
    "discard all",
    "rollback and chain",
    "insert into marks values ('x')",
    "select marked('x')",
    "do $$ begin perform set_config('transaction_read_only', 'off', false); insert into marks values ('x'); end $$",
    "call mark_by_call('x')",
]


@pytest.mark.parametrize("how", READ_ONLY_ESCAPES)
def test_P17_read_only_holds_at_the_target_too(house: Attacked, how: str) -> None:
    """P17: as somebody whom every rule lets write: after each way out of read-only, writing still fails."""
    with house.wire("bob", "reading") as wire:
        wire.query(how)
        wire.query("rollback")
        assert codes(wire.query(MARK))[0] in ("25006", "42501")
        wire.query("begin")
        wire.query(how)
        assert codes(wire.query("select marked('x')"))
        wire.query("commit")
    assert marks(house) == 0


def test_R8_every_statement_and_every_copy_is_recorded(house: Attacked) -> None:
    """R8: simple, several, extended, prepared, cursors, COPY in and out, refused: the text and the outcome of each."""
    texts = ["select 1; select 2", "prepare s as select 3", "execute s", "copy orders to stdout", "begin", "commit"]
    with house.wire("bob", application_name="r8") as wire:
        for text in texts:
            wire.query(text)
        wire.send(parse("x", "select $1::int8"), bind("", "x", [b"42"]), execute(), sync())
        wire.until_ready()
        wire.send(query("copy marks from stdin"))
        wire.until("G")
        wire.send(message("d", b"one\ntwo\n"), message("c"))
        wire.until_ready()
        wire.send(query("copy marks from stdin"))
        wire.until("G")
        wire.send(message("d", b"three\n"), message("f", b"no\0"))
        assert codes(wire.until_ready()) == ["57014"]
        wire.query("drop table marks_that_are_not_there")
        wire.query("delete from marks")
        assert codes(wire.query("selec 1")) == ["42501"]
    entries = house.gateway.entries("r8")
    commands = {e["command"]: e for e in entries if e["kind"] in ("command", "refused")}
    outcomes = [e for e in entries if e["kind"] == "outcome"]
    recorded = [e["text"] for e in commands.values()]
    sent = [*texts, "select $1::int8", "copy marks from stdin", "copy marks from stdin"]
    assert recorded == [*sent, "drop table marks_that_are_not_there", "delete from marks", "selec 1"]
    assert next(e for e in commands.values() if e["text"] == "select $1::int8")["parameters"] == ["42"]
    tags = {(commands[e["command"]]["text"], e["tag"], e.get("sqlstate")) for e in outcomes}
    assert {("copy orders to stdout", "COPY 400", None), ("copy marks from stdin", "COPY 2", None)} <= tags
    assert {("copy marks from stdin", "", "57014"), ("delete from marks", "DELETE 2", None)} <= tags
    assert sum(e["rows"] for e in outcomes if commands[e["command"]]["text"] == "select 1; select 2") == 2
