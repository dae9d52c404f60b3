"""P10: what a name means at the target is not what it seems to mean. Raw bytes against a live gateway under masks.

Every attack makes the gateway believe that a harmless statement runs while another one does. Where the target has the
other one, its values must come masked, or the statement must be refused.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from tests.support.attacks import EVERYTHING_AT_ALL, MASKS, Attacked, attacked, leaked, secrets_of
from tests.support.postgres import Server, running_postgres
from tests.support.wire import (
    Wire,
    bind,
    cells,
    close,
    codes,
    describe,
    execute,
    flush,
    kinds,
    parse,
    query,
    sync,
)

CARD = "select upper(card_number) from customers order by id"
HARMLESS = "select 'harmless'"
RULES = f"""
[[rules]]
name = "closed"
effect = "deny"
tables = ["closed\\\\..*", "public\\\\.orders"]
groups = ["auditors"]
{EVERYTHING_AT_ALL}
"""


@pytest.fixture(scope="module", params=[18, 17])
def house(
    request: pytest.FixtureRequest, postgres: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Attacked]:
    """PostgreSQL 18 reports its search_path, 17 does not."""
    with contextlib.ExitStack() as stack:
        server = postgres if request.param == 18 else stack.enter_context(running_postgres(17))
        yield stack.enter_context(attacked(server, tmp_path_factory.mktemp("names"), RULES, MASKS))


@pytest.fixture(scope="module")
def secrets(house: Attacked) -> frozenset[bytes]:
    return secrets_of(house.direct())


Attack = Callable[[Attacked, Wire], None]


def deallocated_and_prepared_by_sql(house: Attacked, wire: Wire) -> None:
    sql = f"deallocate s; prepare s as {CARD}"
    wire.send(parse("s", HARMLESS), query(sql), bind("", "s"), execute(), sync())
    wire.until_ready(2)


def prepared_again_in_a_pipeline(house: Attacked, wire: Wire) -> None:
    wire.query(f"prepare s as {HARMLESS}")
    wire.send(query(f"deallocate s; prepare s as {CARD}"), query("execute s"))
    wire.until_ready(2)


def declared_again_in_a_pipeline(house: Attacked, wire: Wire) -> None:
    wire.query("begin")
    wire.query(f"declare c cursor for {HARMLESS}")
    wire.send(query(f"close c; declare c cursor for {CARD}"), query("fetch all c"))
    wire.until_ready(2)


def portal_replaced_by_a_cursor(house: Attacked, wire: Wire) -> None:
    wire.query("begin")
    wire.send(parse("s", HARMLESS), bind("c", "s"), sync())
    wire.until_ready()
    wire.send(query(f"close c; declare c cursor for {CARD}"), execute("c"), sync())
    wire.until_ready(2)


def closed_while_its_successor_waits(house: Attacked, wire: Wire) -> None:
    """The answer to a Close must not make the gateway forget what was sent behind it and still waits for a lock."""
    wire.send(parse("s", HARMLESS), sync())
    wire.until_ready()
    with house.connect("bob") as other, other.transaction():
        other.execute("lock table customers in access exclusive mode")
        wire.send(close("s"), flush(), parse("s", CARD), sync())
        wire.until("3")
        wire.send(parse("s", HARMLESS), sync(), bind("", "s"), execute(), sync())
    assert "42P05" in codes(wire.until_ready(3))


def named_statement_parsed_again(house: Attacked, wire: Wire) -> None:
    wire.send(parse("s", CARD), sync(), parse("s", HARMLESS), sync(), bind("", "s"), execute(), sync())
    assert "42P05" in codes(wire.until_ready(3))


def unnamed_statement_behind_an_error(house: Attacked, wire: Wire) -> None:
    broken = bind("", "nothing-there")
    wire.send(parse("", CARD), broken, parse("", HARMLESS), sync(), bind(), execute(), sync())
    assert "26000" in codes(wire.until_ready(2))


def closed_and_parsed_again(house: Attacked, wire: Wire) -> None:
    wire.send(parse("s", HARMLESS), close("s"), parse("s", CARD), bind("", "s"), execute(), sync())
    wire.until_ready()


def close_skipped_behind_an_error(house: Attacked, wire: Wire) -> None:
    wire.send(parse("s", CARD), bind("", "nothing-there"), close("s"), sync())
    wire.send(parse("s", HARMLESS), sync(), bind("", "s"), execute(), sync())
    wire.until_ready(3)


def prepare_in_a_text_of_several(house: Attacked, wire: Wire) -> None:
    wire.query(f"select 1; prepare s as {CARD}; select 2")
    wire.send(bind("", "s"), execute(), sync())
    wire.until_ready()
    wire.query("select 1; execute s; select 2")


def execute_inside_explain_and_create(house: Attacked, wire: Wire) -> None:
    wire.query(f"prepare s as {CARD}")
    wire.query("explain (analyze, verbose) execute s")
    wire.query("create temp table stolen as execute s")
    wire.query("explain analyze create temp table stolen as execute s")
    wire.query("select * from stolen")


def later_pages_of_a_portal(house: Attacked, wire: Wire) -> None:
    wire.send(parse("", CARD), bind(), execute("", 2), flush())
    wire.until("s", "E")
    wire.send(execute("", 2), execute("", 2), flush(), describe(), execute("", 1), execute(), sync())
    assert kinds(wire.until_ready()).count("D") == 48


def never_described(house: Attacked, wire: Wire) -> None:
    for statement in ("", "named"):
        for formats in ([], [0], [1], [1, 0, 1]):
            text = "select card_number, ssn, upper(ssn) from customers"
            wire.send(parse(statement, text), bind("", statement, results=formats), execute(), close(statement), sync())
            assert kinds(wire.until_ready()) == "12" + "D" * 50 + "C3Z"


def another_portal_described(house: Attacked, wire: Wire) -> None:
    wire.send(
        parse("h", HARMLESS), parse("c", CARD), bind("h", "h"), bind("c", "c"), describe("h"), execute("c"), sync()
    )
    assert kinds(wire.until_ready()).startswith("1122TD")


def described_then_bound_again(house: Attacked, wire: Wire) -> None:
    wire.send(parse("h", HARMLESS), parse("c", CARD), bind("", "h"), describe(), bind("", "c"), execute(), sync())
    wire.until_ready()


def fetched_through_the_protocol(house: Attacked, wire: Wire) -> None:
    wire.query("begin")
    wire.query(f"declare c scroll cursor with hold for {CARD}")
    wire.send(parse("", "fetch 2 from c"), bind(results=[1]), execute(), execute("c", 1), sync())
    wire.until_ready()
    wire.query("commit")
    wire.query("fetch last in c")
    wire.send(execute("c"), sync())
    wire.until_ready()


def binary_cursor(house: Attacked, wire: Wire) -> None:
    wire.query("begin")
    wire.query("declare c binary cursor for select card_number, upper(ssn), card_number::bigint from customers")
    wire.query("fetch all c")


def fetch_prepared_before_its_cursor(house: Attacked, wire: Wire) -> None:
    wire.query("begin")
    wire.query(f"declare c cursor for {HARMLESS}")
    wire.send(parse("f", "fetch all from c"), bind("p", "f"), describe("p"), sync())
    wire.until_ready()
    wire.query("close c")
    wire.query(f"declare c cursor for {CARD}")
    wire.send(execute("p"), bind("q", "f"), execute("q"), sync())
    wire.until_ready()


def discarded_and_made_again(house: Attacked, wire: Wire) -> None:
    wire.query(f"prepare s as {HARMLESS}")
    wire.send(query("discard all"), query(f"prepare s as {CARD}"), query("execute s"), query("deallocate all"))
    wire.send(parse("s", CARD), bind("", "s"), execute(), sync())
    wire.until_ready(5)


def renamed_by_case_and_escapes(house: Attacked, wire: Wire) -> None:
    wire.query(f'prepare "S" as {CARD}')
    wire.query(f"prepare s as {HARMLESS}")
    for text in (
        'execute "S"',
        'execute U&"\\0053"',
        'execute/**/"S"--x',
        "EXECUTE S",
        "execute U&\"!0053\" uescape '!'",
    ):
        wire.query(text)
    wire.send(bind("", "S"), execute(), sync())
    wire.until_ready()


def rolled_back_to_a_savepoint(house: Attacked, wire: Wire) -> None:
    wire.query("begin")
    wire.query(f"declare c cursor for {CARD}")
    wire.query("savepoint a")
    wire.send(query("close c"), query(f"declare c cursor for {HARMLESS}"), query("rollback to a"), query("fetch all c"))
    wire.until_ready(4)


ATTACKS: list[Attack] = [
    deallocated_and_prepared_by_sql,
    prepared_again_in_a_pipeline,
    declared_again_in_a_pipeline,
    portal_replaced_by_a_cursor,
    closed_while_its_successor_waits,
    named_statement_parsed_again,
    unnamed_statement_behind_an_error,
    closed_and_parsed_again,
    close_skipped_behind_an_error,
    prepare_in_a_text_of_several,
    execute_inside_explain_and_create,
    later_pages_of_a_portal,
    never_described,
    another_portal_described,
    described_then_bound_again,
    fetched_through_the_protocol,
    binary_cursor,
    fetch_prepared_before_its_cursor,
    discarded_and_made_again,
    renamed_by_case_and_escapes,
    rolled_back_to_a_savepoint,
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_P10_no_name_stands_for_something_else(house: Attacked, secrets: frozenset[bytes], attack: Attack) -> None:
    """P10, M1, M7: no clear value, and the session still works afterwards."""
    with house.wire() as wire:
        attack(house, wire)
        assert not leaked(secrets, bytes(wire.everything))
        wire.query("rollback")
        assert cells(wire.query("select 'well'")) == [[b"well"]]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_P10_most_of_these_do_show_clear_values_to_whom_no_mask_concerns(
    house: Attacked, secrets: frozenset[bytes], attack: Attack
) -> None:
    """The attacks are real: the target does run the other statement (or the gateway refuses them for everybody)."""
    with house.wire("bob") as wire:
        attack(house, wire)
        refused = b"which portal this is cannot be told" in wire.everything
        kept = attack in (closed_and_parsed_again, close_skipped_behind_an_error, rolled_back_to_a_savepoint)
        assert leaked(secrets, bytes(wire.everything)) or refused or kept


def test_P10_a_rule_judges_what_a_name_may_mean(house: Attacked) -> None:
    """P10: the same by rules instead of masks: carol may not read orders, whatever name the statement has by now."""
    orders = "select total from orders"
    with house.wire("carol") as wire:
        wire.query(f"prepare s as {HARMLESS}")
        wire.send(query(f"deallocate s; prepare s as {orders}"), query("execute s"))
        first = wire.until_ready(2)
        wire.send(parse("t", orders), sync(), parse("t", HARMLESS), sync(), bind("", "t"), execute(), sync())
        second = wire.until_ready(3)
        assert "42501" in codes(first) and "42501" in codes(second)
        assert cells([*first, *second]) in ([], [[b"harmless"]], [[b"harmless"], [b"harmless"]])


def test_P10_a_statement_is_decided_again_when_it_is_executed(house: Attacked) -> None:
    """P10, R13: Parse was allowed; a reload forbids it; the statement that is prepared does not run any more."""
    forbidding = house.plan.text.replace(
        "[[rules]]", '[[rules]]\nname = "no"\neffect = "deny"\nstatements = ["delete"]\n[[rules]]', 1
    )
    text = "delete from customers where id = -1"
    with house.wire() as wire:
        wire.send(parse("d", text), bind("", "d"), execute(), sync())
        assert codes(wire.until_ready()) == []
        wire.query(f"prepare e as {text}")
        house.gateway.reload(type(house.plan)(forbidding, house.plan.environ))
        try:
            wire.send(bind("", "d"), execute(), sync())
            assert codes(wire.until_ready()) == ["42501"]
            assert codes(wire.query("execute e")) == ["42501"]
        finally:
            house.gateway.reload(house.plan)
        assert codes(wire.query("execute e")) == []


@pytest.fixture(scope="module")
def schemas(house: Attacked) -> None:
    """Two tables of one name; what is in schema `closed` is closed to auditors."""
    for schema in ("closed", "open"):
        house.superuser(f"create schema {schema}")
        house.superuser(f"create table {schema}.t (v text)")
        house.superuser(f"insert into {schema}.t values ('row of {schema}')")
        house.superuser(f"grant all on schema {schema} to public")
        house.superuser(f"grant all on {schema}.t to public")


def path_switched_around_bind(wire: Wire) -> None:
    wire.query("set search_path = open")
    wire.query("begin")
    wire.send(parse("s", "select v from t"), sync())
    wire.until_ready()
    wire.query("set search_path = closed")
    wire.send(bind("p", "s"), sync())
    wire.until_ready()
    wire.query("set search_path = open")
    wire.send(execute("p"), sync())
    wire.until_ready()


def path_switched_around_execute(wire: Wire) -> None:
    wire.query("set search_path = open")
    sent = [parse("s", "select v from t"), sync(), query("set search_path = closed"), bind("", "s"), execute(), sync()]
    wire.send(*sent)
    wire.until_ready(3)
    wire.query("prepare q as select v from t")
    wire.query("execute q")


def path_set_by_a_function(wire: Wire) -> None:
    wire.query("set search_path = open")
    wire.send(query("select set_config('search_path', 'closed', false)"), query("select v from t"))
    wire.until_ready(2)


def path_set_by_a_prepared_function(wire: Wire) -> None:
    wire.query("set search_path = open")
    wire.query("prepare move as select set_config('search_path', 'closed', false)")
    wire.send(query("execute move"), query("select v from t"))
    wire.until_ready(2)


def path_set_by_a_parameter(wire: Wire) -> None:
    wire.query("set search_path = open")
    setter = [parse("", "select set_config($1, $2, false)"), bind("", "", [b"search_path", b"closed"]), execute()]
    wire.send(*setter, parse("", "select v from t"), bind(), execute(), sync())
    wire.until_ready()
    wire.query("select v from t")


def path_taken_back_by_rollback(wire: Wire) -> None:
    wire.query("set search_path = closed")
    wire.query("begin")
    wire.send(query("set search_path = open"), query("rollback"), query("select v from t"))
    wire.until_ready(3)
    wire.query("begin")
    wire.query("savepoint a")
    wire.query("set search_path = open")
    wire.send(query("rollback to a"), query("select v from t"))
    wire.until_ready(2)


def path_within_one_text(wire: Wire) -> None:
    wire.query("set search_path = open")
    wire.query("set search_path = closed; select v from t")
    wire.query("begin; set local search_path = closed; select v from t")


def path_reset(wire: Wire) -> None:
    wire.query("set search_path = open")
    wire.query("select v from t")
    wire.send(query("reset all"), query("select v from t"))
    wire.until_ready(2)


PATHS = [
    path_switched_around_bind,
    path_switched_around_execute,
    path_set_by_a_function,
    path_set_by_a_prepared_function,
    path_set_by_a_parameter,
    path_taken_back_by_rollback,
    path_within_one_text,
]


@pytest.mark.parametrize("attack", [*PATHS, path_reset], ids=lambda attack: attack.__name__)
@pytest.mark.usefixtures("schemas")
def test_P18_what_is_judged_is_what_is_read(house: Attacked, attack: Callable[[Wire], None]) -> None:
    """P18: `t` is open when it is judged and closed when it is read: nothing of the closed one arrives."""
    with house.wire("carol", search_path="closed") as wire:
        attack(wire)
        assert b"row of closed" not in wire.everything
        assert b"42501" in wire.everything


@pytest.mark.parametrize("attack", PATHS, ids=lambda attack: attack.__name__)
@pytest.mark.usefixtures("schemas")
def test_P18_these_do_read_the_closed_table_for_whom_it_is_open(
    house: Attacked, attack: Callable[[Wire], None]
) -> None:
    """The attacks are real."""
    with house.wire("bob") as wire:
        attack(wire)
        assert b"row of closed" in wire.everything or b"may change how SQL is read" in wire.everything


@pytest.mark.usefixtures("schemas")
def test_P18_a_temporary_table_shadows_nothing_that_is_closed(house: Attacked) -> None:
    """P18: a temporary `orders` comes before public.orders in every path; dropped in time, the name means the other."""
    with house.wire("carol") as wire:
        wire.query("create temp table orders (total text)")
        wire.send(parse("s", "select total::text from orders"), sync())
        wire.until_ready()
        wire.send(query("drop table pg_temp.orders"), bind("", "s"), execute(), sync())
        answer = wire.until_ready(2)
        assert cells(answer) == []


@pytest.mark.parametrize(
    "setter",
    [
        "select set_config('standard_conforming'||'_strings', 'off', false)",
        "select set_config(lower('STANDARD_CONFORMING_STRINGS'), 'off', false)",
    ],
)
def test_P16_nothing_is_read_while_the_target_reads_otherwise(
    house: Attacked, secrets: frozenset[bytes], setter: str
) -> None:
    """P16: a text that is two constants to us and a column to the target, sent before the target can tell us."""
    text = "select 'a\\' , ' , upper(card_number) from customers, generate_series(1, 20000) -- '"
    with house.wire() as wire:
        wire.send(parse("", setter), bind(), execute(), parse("", text), bind(), execute(), sync())
        wire.until_ready()
        wire.send(query(setter), query(text))
        wire.rest()
        assert not leaked(secrets, bytes(wire.everything))
