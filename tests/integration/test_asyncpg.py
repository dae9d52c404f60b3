"""asyncpg through the gateway: it speaks binary, introspects types, and keeps its own state machine."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import io
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House

Work = Callable[[Any], Awaitable[Any]]


async def connected(house: House, who: str, work: Work) -> Any:
    connection = await asyncpg.connect(house.gateway.url_of("shop", who), ssl=False, timeout=20)
    try:
        return await asyncio.wait_for(work(connection), 40)
    finally:
        await connection.close(timeout=10)


async def connected_directly(house: House, work: Work) -> Any:
    server = house.server
    where = {"host": server.host, "port": server.port, "database": house.database, "ssl": False}
    connection = await asyncpg.connect(user=LOGIN, password=PASSWORD, **where)
    try:
        return await work(connection)
    finally:
        await connection.close()


async def prepared_statements(connection: Any) -> Any:
    statement = await connection.prepare("select id, total, placed from orders where id = $1")
    rows = [tuple(await statement.fetchrow(n)) for n in (1, 2, 3)]
    names = [a.name for a in statement.get_attributes()]
    return rows, names, [p.name for p in statement.get_parameters()], statement.get_statusmsg()


async def cursors(connection: Any) -> Any:
    async with connection.transaction():
        seen = [r["id"] async for r in connection.cursor("select id from orders order by id", prefetch=30)]
        cursor = await connection.cursor("select id from orders order by id")
        await cursor.forward(10)
        return seen, await cursor.fetch(3)


async def copies(connection: Any) -> Any:
    await connection.execute("create temp table copied (id int, text text, at timestamptz)")
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    records = [(n, f"row {n}", when) for n in range(500)]
    done = await connection.copy_records_to_table("copied", records=records)
    out, table = io.BytesIO(), io.BytesIO()
    told = await connection.copy_from_query(
        "select * from copied where id < $1 order by id", 5, output=out, format="csv"
    )
    await connection.copy_from_table("copied", output=table, columns=["id"])
    back = await connection.copy_to_table("copied", source=io.BytesIO(out.getvalue()), format="csv")
    return done, told, out.getvalue(), len(table.getvalue()), back


async def transactions(connection: Any) -> Any:
    await connection.execute("create temp table nested (id int)")
    async with connection.transaction(isolation="repeatable_read"):
        await connection.execute("insert into nested values (1)")
        try:
            async with connection.transaction():
                await connection.execute("insert into nested values (2)")
                await connection.execute("select 1/0")
        except asyncpg.DivisionByZeroError:
            pass
    return [tuple(r) for r in await connection.fetch("select * from nested")], connection.is_in_transaction()


async def types(connection: Any) -> Any:
    await connection.execute(
        "do $$ begin if to_regtype('mood_apg') is null then create type mood_apg as enum ('good', 'bad'); "
        "create type pair_apg as (a int, b text); create domain positive_apg as int check (value > 0); end if; end $$"
    )
    row = await connection.fetchrow(
        "select 'good'::mood_apg, row(1, 'x')::pair_apg, array['bad','good']::mood_apg[], '{\"a\": 1}'::jsonb, "
        "array[row(1, 'y')::pair_apg], 5::positive_apg, int4range(1, 5), '10.0.0.1'::inet, array[[1,2],[3,4]], "
        "1.50::numeric(8,2), '1 day 2 hours'::interval, 'a b'::tsvector::text, point(1, 2), b'101'::bit(3)"
    )
    return [str(value) for value in row]


async def parameters(connection: Any) -> Any:
    decimals = await connection.fetchval("select $1::numeric + 1", decimal.Decimal("1.25"))
    arrays = await connection.fetchval("select array_agg(x * 2) from unnest($1::int[]) x", [1, 2, 3])
    nothing = await connection.fetchval("select $1::text is null", None)
    await connection.execute("create temp table many (id int, text text)")
    await connection.executemany("insert into many values ($1, $2)", [(n, str(n)) for n in range(200)])
    return decimals, arrays, nothing, await connection.fetchval("select count(*) from many")


async def several_statements(connection: Any) -> Any:
    return await connection.execute("select 1; select 2; create temp table if not exists tt (a int)")


WORK: list[Work] = [prepared_statements, cursors, copies, transactions, parameters, several_statements]


@pytest.mark.parametrize("who", ["bob", "ci"])
@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_through_the_gateway_as_directly(house: House, work: Work, who: str) -> None:
    directly = asyncio.run(connected_directly(house, work))
    assert asyncio.run(connected(house, who, work)) == directly


def test_types_are_introspected_as_directly(house: House) -> None:
    """Enums, composites, domains, arrays of them: asyncpg reads the catalogue to decode them. DO is `dynamic`."""
    directly = asyncio.run(connected_directly(house, types))
    assert asyncio.run(connected(house, "bob", types)) == directly


def test_listeners_hear(house: House) -> None:
    async def work(connection: Any) -> Any:
        heard: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        await connection.add_listener("apg_news", lambda c, pid, channel, payload: heard.put_nowait((channel, payload)))
        await connection.execute("select pg_notify('apg_news', 'of the session itself')")
        await connection.execute("notify apg_news, 'again'")
        return [await asyncio.wait_for(heard.get(), 20) for _ in range(2)]

    found = asyncio.run(connected(house, "bob", work))
    assert found == [("apg_news", "of the session itself"), ("apg_news", "again")]


def test_a_timeout_cancels_and_the_connection_lives(house: House) -> None:
    async def work(connection: Any) -> Any:
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch("select pg_sleep(30)", timeout=0.4)
        return await connection.fetchval("select 'alive'")

    assert asyncio.run(connected(house, "ci", work)) == "alive"


def test_refusals_leave_the_connection_usable(house: House) -> None:
    async def work(connection: Any) -> Any:
        found = []
        for run in (
            lambda: connection.execute("truncate orders"),
            lambda: connection.fetch("truncate orders"),
            lambda: connection.prepare("truncate orders"),
            lambda: connection.executemany("delete from forbidden_apg where id = $1", [(1,), (2,)]),
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError) as caught:
                await run()
            found.append((caught.value.sqlstate, connection.is_in_transaction()))
        return found, await connection.fetchval("select count(*) from orders")

    found, count = asyncio.run(connected(house, "ci", work))
    assert found == [("42501", False)] * 4
    assert count == 400


def test_values_are_masked_in_binary_and_of_their_type(house: House) -> None:
    """M2: what comes is decodable, and is not the value."""

    async def work(connection: Any) -> Any:
        statement = await connection.prepare("select id, card_number, ssn, array[ssn] from customers where id = $1")
        one = tuple(await statement.fetchrow(1))
        async with connection.transaction():
            shown = [r["card_number"] async for r in connection.cursor("select card_number from customers", prefetch=7)]
        return one, shown

    (ident, card, ssn, several), shown = asyncio.run(connected(house, "ci", work))
    assert ident == 1
    assert card.endswith("1111")
    assert "4111" not in card
    assert "734-10-1000" not in (ssn, *several)
    assert len(shown) == 50
    assert not any(value.isdigit() for value in shown)


def test_a_pool_serves_many_tasks(house: House) -> None:
    async def work() -> Any:
        url = house.gateway.url_of("shop", "ci")
        async with asyncpg.create_pool(url, ssl=False, min_size=2, max_size=4) as pool:
            return await asyncio.gather(*(pool.fetchval("select $1::int * 2", n) for n in range(60)))

    assert asyncio.run(work()) == [2 * n for n in range(60)]
