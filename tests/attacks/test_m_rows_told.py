"""M4, M7, M8: masked rows that are told otherwise than by a result. Live gateway, as somebody whom every rule lets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.attacks import EVERYTHING_AT_ALL, Attacked, attacked, leaked, secrets_of
from tests.support.postgres import Server
from tests.support.wire import Wire, bind, cells, codes, describe, execute, message, parse, query, sync

PREPARED = [
    "create view short as select id, city from customers where city <> '' with check option",
    "create function tell() returns trigger language plpgsql as $$ begin raise notice 'card %', old.card_number;"
    " raise warning using message = old.ssn, detail = old.card_number, hint = old.ssn, table = 'orders';"
    " perform pg_notify('cards', old.card_number); return new; end $$",
    "create trigger tell before update of phone on customers for each row execute function tell()",
    "create function refuse() returns trigger language plpgsql as $$ begin raise exception using"
    " message = old.card_number, errcode = '23502', table = 'orders', schema = 'public'; end $$",
    "create trigger refuse before delete on customers for each row execute function refuse()",
    "create table copied (card_number text, id int check (id > 0))",
    "alter table customers add constraint positive check (id > -100)",
    "create table children (id int primary key, parent int references customers on update cascade)",
    "create domain shorter as text check (length(value) < 5)",
    "alter table orders add column note text",
    "create function tell_of_orders() returns trigger language plpgsql as $$ begin"
    " raise notice '%', (select string_agg(card_number, ' ') from customers); return new; end $$",
    "create trigger tell before update of note on orders for each row execute function tell_of_orders()",
]
TOLD = [
    "update customers set name = null where id = 1",
    "update customers set id = -200 where id = 1",
    "update customers set id = 2 where id = 1",
    "update customers set email = (select email from customers where id = 2) where id = 1",
    "insert into customers (id, name, email) select 900, null, 'x'",
    "insert into customers select * from customers",
    "merge into customers c using (select 1 as id) s on s.id = c.id when matched then update set name = null",
    "update short set city = '' where id = 3",
    "update customers set phone = 'x' where id = 4",
    "delete from customers where id = 50",
    "update orders set note = 'x' where id = 1",
    "alter table customers add check (city = 'nowhere')",
    "alter table customers add constraint few unique (city)",
    "create unique index on customers (card_number, (1))",
    "create unique index on customers (left(card_number, 1))",
    "alter table customers alter column card_number set not null, alter column city type int using city::int",
    "alter table customers add foreign key (card_number) references api_keys (service)",
    "alter table customers add exclude (city with =)",
    "create table part (like customers) partition by list (city)",
    "select card_number::shorter from customers",
    "select cast(ssn as int) from customers",
    "select ('x' || ssn)::regclass from customers",
    "select 1 / (length(card_number) - 16) from customers",
    "select to_timestamp(card_number, 'YYYY') from customers",
    "select convert_from(card_number::bytea, ssn) from customers",
    "select set_config('work_mem', card_number, true) from customers",
    "select format('%' || left(ssn, 1), 1) from customers",
    "select regexp_replace('x', '(' || card_number, '') from customers",
    "select jsonb_path_query('{}', ('$.' || ssn)::jsonpath) from customers",
    "select array_fill(1, array[card_number::bigint]) from customers",
    "select xmlparse(document card_number) from customers",
    "select (card_number || ' ' || ssn)::point from customers",
    "select nullif(card_number, '')::uuid from customers",
    "explain (analyze, verbose) select * from customers where card_number = '4111111111111111'",
    "explain (generic_plan) select * from customers where card_number = $1",
    "analyze verbose customers",
]


@pytest.fixture(scope="module")
def house(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with attacked(postgres, tmp_path_factory.mktemp("told"), EVERYTHING_AT_ALL) as house:
        with house.connect("bob") as owner:
            for statement in PREPARED:
                owner.execute(statement.encode())
        yield house


@pytest.fixture(scope="module")
def secrets(house: Attacked) -> frozenset[bytes]:
    return secrets_of(house.direct())


def run(wire: Wire, text: str, extended: bool) -> None:
    wire.query("begin")
    wire.query("listen cards")
    if extended:
        wire.send(parse("", text), bind(), describe(), execute(), sync())
        wire.until_ready()
    else:
        wire.query(text)
    wire.query("commit")
    wire.query("select 1")


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("text", TOLD)
def test_M4_no_error_notice_or_notification_tells_of_a_row(
    house: Attacked, secrets: frozenset[bytes], text: str, extended: bool
) -> None:
    """M4: "Failing row contains", keys, casts, RAISE of triggers with forged fields, contexts, plans, NOTIFY."""
    with house.wire() as wire:
        run(wire, text, extended)
        assert [s for s in leaked(secrets, bytes(wire.everything)) if s not in text.encode()] == []


def test_M4_these_do_tell_whom_no_mask_concerns(house: Attacked, secrets: frozenset[bytes]) -> None:
    """The attacks are real."""
    told = 0
    with house.wire("bob") as wire:
        for text in TOLD:
            wire.everything.clear()
            wire.query("begin")
            wire.query(text)
            wire.query("rollback")
            told += bool(leaked(secrets, bytes(wire.everything)))
    assert told >= 12


def test_M4_sqlstate_and_what_is_no_value_stay(house: Attacked) -> None:
    """M4: programs still know what went wrong, and where nothing is masked people do too."""
    with house.wire() as wire:
        error = wire.query("update customers set name = null where id = 1")[0].fields
        assert error["C"] == "23502" and "name" in error["M"] and "D" not in error
        error = wire.query("insert into orders (id, customer_id, total) values (1, 1, 1)")[0].fields
        assert error["C"] == "23505" and error["D"] == "Key (id)=(1) already exists."


def test_M4_rows_copied_in_fail_without_telling(house: Attacked, secrets: frozenset[bytes]) -> None:
    """M4: an error of COPY FROM names the line; a row of the table itself is not shown."""
    with house.wire() as wire:
        for line in (b"1\tx\ty\tz\t\\N\t\\N\tq\tnow\n", b"999\t\\N\ty\tz\t\\N\t\\N\tq\tnow\n", b"oops\n"):
            wire.send(query("copy customers from stdin"))
            wire.until("G")
            wire.send(message("d", line), message("c"))
            assert codes(wire.until_ready())
        assert not leaked(secrets, bytes(wire.everything))


COURIERS = [
    ["select lo_from_bytea(70001, string_agg(card_number, ' ')::bytea) from customers", "select lo_get(70001)"],
    ["begin", "select lo_create(70002)", "select lo_put(70002, 0, ssn::bytea) from customers", "select lo_get(70002)"],
    ["create temp table t1 as select card_number from customers", "select * from t1"],
    ["select card_number into temp t2 from customers", "select * from t2"],
    ["create temp table t3 (x text)", "insert into t3 select card_number from customers", "select * from t3"],
    ["create temp table t4 (x text)", "insert into t4 values ((select max(ssn) from customers))", "table t4"],
    ["update customers set city = ssn", "select city from customers"],
    ["update orders o set status = c.ssn from customers c where c.id = o.customer_id", "select status from orders"],
    [
        "insert into copied select card_number, 1 from customers returning card_number",
        "select card_number || '' from copied",
    ],
    ["prepare p as select card_number from customers", "create temp table t5 as execute p", "table t5"],
    ["prepare p as select ssn from customers", "explain analyze create temp table t6 as execute p", "table t6"],
    ["create materialized view mv as select card_number c from customers", "select c || '' from mv"],
    ["create recursive view rv (a) as select ssn from customers", "select a || '' from rv"],
    ["select set_config('my.card', max(card_number), false) from customers", "show my.card"],
    ["create sequence sq", "select setval('sq', max(card_number)::bigint) from customers", "select last_value from sq"],
    ["select pg_advisory_lock(card_number::bigint) from customers", "select classid, objid from pg_locks"],
    ["create index on orders ((1))", "comment on table orders is 'x'", "select obj_description('orders'::regclass)"],
    ["create statistics st on card_number, ssn from customers", "analyze customers", "select * from pg_stats_ext"],
    ["analyze customers", "select * from pg_stats", "select * from pg_statistic", "select * from pg_stats_ext_exprs"],
    ["select pg_logical_emit_message(false, 'x', card_number) from customers"],
    ["select * from pg_create_logical_replication_slot('l', 'test_decoding', true)"],
    ["select * from pg_logical_slot_get_changes('l', null, null)"],
    ["create publication pub for table customers"],
    [
        "merge into orders o using customers c on c.id = o.id when matched then update set status = c.ssn",
        "table orders",
    ],
    ["alter table orders add column leak text default (current_setting('my.card'))", "select leak from orders"],
    ["alter table customers rename to clients", "select card_number || '' from clients"],
    ["alter table customers rename card_number to plain", "select plain || '' from customers"],
    ["alter table customers set schema pg_temp", "select card_number || '' from pg_temp.customers"],
    ["create table heir () inherits (customers)", "select card_number || '' from heir", "select ssn from only heir"],
    ["declare c cursor with hold for select ssn || '' from customers", "fetch all c"],
    ["select query from pg_stat_activity", "select * from pg_cursors", "select statement from pg_prepared_statements"],
    ["grant all on customers to public", "alter table customers owner to attacked", "select max(ssn) from customers"],
]


@pytest.mark.parametrize("session", COURIERS, ids=lambda session: session[0][:60])
def test_M7_M8_no_courier_carries_a_value_out(house: Attacked, secrets: frozenset[bytes], session: list[str]) -> None:
    """M7, M8: tables, large objects, settings, sequences, locks, statistics, slots, renames: within and after."""
    with house.wire() as wire:
        for text in session:
            wire.query(text)
        wire.query("rollback")
        wire.query(session[-1])
        assert not leaked(secrets, bytes(wire.everything))
    with house.wire() as wire:
        wire.query(session[-1])
        assert not leaked(secrets, bytes(wire.everything))
        assert cells(wire.query("select count(*) from customers")) == [[b"50"]]


@pytest.mark.parametrize(
    "form", ["text", "csv", "csv, header, force_quote *", "binary", "text, delimiter '|', null '4'"]
)
@pytest.mark.parametrize("source", ["customers", "customers (ssn, card_number)", "(table customers)", "customer_totals",
    "(select upper(card_number), c from customers c)", "(select data -> 'key' from api_keys)", "api_keys",
    "(update customers set city = city returning card_number, ssn || '')"])  # fmt: skip
def test_M8_copy_in_every_format_is_masked(house: Attacked, secrets: frozenset[bytes], source: str, form: str) -> None:
    """M8: simple and extended, tables, columns in another order, queries, changes that return."""
    text = f"copy {source} to stdout (format {form})"
    with house.wire() as wire:
        rows = sum(m.kind == "d" for m in wire.query(text))
        wire.send(parse("", text), bind(), execute(), sync())
        assert rows == sum(m.kind == "d" for m in wire.until_ready()) or "update" in source
        assert rows >= 8 or source == "customer_totals"
        assert not leaked(secrets, bytes(wire.everything))
