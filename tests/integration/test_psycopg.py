"""psycopg 3 through the gateway: every way it has to talk, equal to a direct connection where nothing is masked."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import threading
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.integration.conftest import House

Work = Callable[["psycopg.Connection[Any]"], Any]


def results(connection: psycopg.Connection[Any]) -> Any:
    rows = connection.execute("select id, name, created from customers order by id").fetchall()
    one = connection.execute("select %s::text, %s::int, %b::bigint, %t::text", ("a", 1, 2, None)).fetchone()
    with connection.cursor(row_factory=dict_row) as cursor:
        named = cursor.execute("select count(*) as many, sum(total) from orders").fetchone()
    return rows, one, named


def binary_results(connection: psycopg.Connection[Any]) -> Any:
    sql = "select id, total, placed, status, array[id, 2], id::text::bytea as raw from orders order by 1 limit 10"
    cursor = connection.cursor(binary=True)
    return cursor.execute(sql).fetchall(), [(c.name, c.type_code) for c in cursor.description or ()]


def many_types(connection: psycopg.Connection[Any]) -> Any:
    values = (
        True,
        -(2**40),
        1.5,
        decimal.Decimal("12345678901234567890.12345"),
        "text \u00e4 \U0001f600",
        b"\x00\xff",
        datetime.date(2026, 1, 2),
        datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC),
        datetime.timedelta(days=2, seconds=5),
        uuid.UUID(int=5),
        Jsonb({"a": [1, None]}),
        [1, 2, None],
        None,
    )
    query = "select " + ", ".join(["%s"] * len(values))
    text = connection.execute(query, values).fetchone()
    return text, connection.cursor(binary=True).execute(query, values).fetchone()


def server_side_cursors(connection: psycopg.Connection[Any]) -> Any:
    with connection.transaction(), connection.cursor("named", scrollable=True) as cursor:
        cursor.execute("select id from orders order by id")
        first = cursor.fetchmany(7)
        cursor.scroll(100)
        return first, cursor.fetchmany(3), sum(1 for _ in cursor)


def copies(connection: psycopg.Connection[Any]) -> Any:
    connection.execute("create temp table copied (id int, text text)")
    with connection.cursor() as cursor:
        with cursor.copy("copy copied from stdin") as copy:
            for number in range(1000):
                copy.write_row((number, f"row\t{number}\\"))
        with cursor.copy("copy copied from stdin (format binary)") as copy:
            copy.set_types(["int4", "text"])
            copy.write_row((7, "binary"))
        with cursor.copy("copy (select * from copied order by id, text) to stdout (format csv)") as copy:
            return b"".join(bytes(piece) for piece in copy)


def executes_many(connection: psycopg.Connection[Any]) -> Any:
    connection.execute("create temp table inserted (id int, text text)")
    cursor = connection.cursor()
    cursor.executemany(
        "insert into inserted values (%s, %s) returning id", [(n, str(n)) for n in range(50)], returning=True
    )
    returned = [result.fetchone() for result in cursor.results()]
    return returned, connection.execute("select count(*), sum(id) from inserted").fetchone()


def prepared(connection: psycopg.Connection[Any]) -> Any:
    return [
        connection.execute("select id + %s from orders where id = 3", (n,), prepare=True).fetchone() for n in range(9)
    ]


def pipelines(connection: psycopg.Connection[Any]) -> Any:
    with connection.pipeline() as pipeline:
        cursors = [connection.execute("select %s::int * 2", (n,)) for n in range(20)]
        pipeline.sync()
        cursors.append(connection.execute("select 'after'"))
        return [cursor.fetchone() for cursor in cursors]


def transactions(connection: psycopg.Connection[Any]) -> Any:
    connection.execute("create temp table nested (id int)")
    seen = [connection.info.transaction_status]
    with connection.transaction():
        connection.execute("insert into nested values (1)")
        seen.append(connection.info.transaction_status)
        try:
            with connection.transaction():
                connection.execute("insert into nested values (2)")
                connection.execute("select 1/0")
        except psycopg.errors.DivisionByZero as error:
            seen.append(error.diag.sqlstate)
        connection.execute("insert into nested values (3)")
    return seen, connection.execute("select id from nested order by id").fetchall()


def several_statements(connection: psycopg.Connection[Any]) -> Any:
    cursor = connection.execute("select 1; select 2 as two, 3; create temp table t9 (a int); insert into t9 values (4)")
    found = [(cursor.statusmessage, cursor.description and len(cursor.description))]
    while cursor.nextset():
        found.append((cursor.statusmessage, cursor.description and len(cursor.description)))
    return found


def errors(connection: psycopg.Connection[Any]) -> Any:
    found = []
    for sql in ("select * from nothing_there", "select 1/0", "insert into orders(id) values (1)", ""):
        try:
            found.append(connection.execute(sql).statusmessage)
        except psycopg.Error as error:
            found.append((str(error.sqlstate), error.diag.message_primary, error.diag.statement_position))
    return found


def streams(connection: psycopg.Connection[Any]) -> Any:
    with connection.cursor() as cursor:
        return list(cursor.stream("select g, repeat('x', 50) from generate_series(1, 5000) g"))[-1]


def wide_and_empty(connection: psycopg.Connection[Any]) -> Any:
    many = ", ".join(f"{n} as c{n}" for n in range(1600))
    wide = connection.execute(f"select {many}").fetchone()
    big = connection.execute("select repeat('y', 3000000)").fetchone()
    return wide, len(big[0]), connection.execute("select from orders limit 2").fetchall()


WORK: list[Work] = [
    results,
    binary_results,
    many_types,
    server_side_cursors,
    copies,
    executes_many,
    prepared,
    pipelines,
    transactions,
    several_statements,
    errors,
    streams,
    wide_and_empty,
]


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_through_the_gateway_as_directly(house: House, work: Work) -> None:
    """As somebody no mask holds for: everything is equal, errors too."""
    with psycopg.connect(house.direct(), autocommit=True) as connection:
        directly = work(connection)
    with psycopg.connect(house.dsn("bob"), autocommit=True) as connection:
        assert work(connection) == directly


@pytest.mark.parametrize("work", [w for w in WORK if w is not errors], ids=lambda work: work.__name__)
def test_masks_leave_other_columns_alone(house: House, work: Work) -> None:
    """As somebody masks hold for, whose statements touch no masked column."""
    with psycopg.connect(house.direct(), autocommit=True) as connection:
        directly = work(connection)
    with psycopg.connect(house.dsn("ci"), autocommit=True) as connection:
        assert work(connection) == directly


def test_errors_keep_their_sqlstate_where_masks_hold(house: House) -> None:
    with psycopg.connect(house.direct(), autocommit=True) as connection:
        directly = [each and each[0] for each in errors(connection)]
    with psycopg.connect(house.dsn("ci"), autocommit=True) as connection:
        assert [each and each[0] for each in errors(connection)] == directly


def test_what_is_no_sql_is_refused_and_harms_nothing(house: House) -> None:
    with psycopg.connect(house.dsn("ci"), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="not understood"):
            connection.execute("selec 1")
        assert connection.execute("select 1").fetchone() == (1,)


def test_async_connections_and_pipelines(house: House) -> None:
    async def work() -> Any:
        async with await psycopg.AsyncConnection.connect(house.dsn(), autocommit=True) as connection:
            async with connection.pipeline():
                cursors = [await connection.execute("select %s::int", (n,)) for n in range(10)]
                rows = [await cursor.fetchone() for cursor in cursors]
            async with (
                connection.cursor() as cursor,
                cursor.copy("copy (select generate_series(1, 3)) to stdout") as copy,
            ):
                return rows, [bytes(piece) async for piece in copy]

    rows, pieces = asyncio.run(work())
    assert rows == [(n,) for n in range(10)]
    assert b"".join(pieces) == b"1\n2\n3\n"


def test_notifications_arrive(house: House) -> None:
    """Sent by another session, through the gateway and past it."""
    with psycopg.connect(house.dsn("bob"), autocommit=True) as listener:
        listener.execute("listen psycopg_news")
        for dsn in (house.dsn(), house.direct()):
            with psycopg.connect(dsn, autocommit=True) as sender:
                sender.execute("notify psycopg_news, 'hello'")
            (found,) = list(listener.notifies(timeout=20, stop_after=1))
            assert (found.channel, found.payload) == ("psycopg_news", "hello")


@pytest.mark.parametrize("safe", [True, False])
def test_a_running_query_is_cancelled(house: House, safe: bool) -> None:
    """57014, by the client library's own cancel, encrypted and not; the session goes on (P6)."""
    dsn = house.dsn(more="sslmode=require") if safe else house.dsn()
    with psycopg.connect(dsn, autocommit=True) as connection:
        cancel = connection.cancel_safe if safe else connection.cancel
        timer = threading.Timer(0.4, cancel)
        timer.start()
        with pytest.raises(psycopg.errors.QueryCanceled) as caught:
            connection.execute("select pg_sleep(30)")
        timer.join()
        assert caught.value.sqlstate == "57014"
        assert connection.execute("select 'alive'").fetchone() == ("alive",)
        assert not connection.broken


def test_a_late_cancel_hits_nothing(house: House) -> None:
    with psycopg.connect(house.dsn(), autocommit=True) as connection:
        for number in range(5):
            assert connection.execute("select %s::int", (number,)).fetchone() == (number,)
            connection.cancel_safe()
        assert connection.execute("select pg_sleep(0.2), 'alive'").fetchone() == ("", "alive")


def test_another_key_cancels_nothing(house: House) -> None:
    """P6: process id of a session with a key that is not its own."""
    import socket
    import struct

    with psycopg.connect(house.dsn(), autocommit=True) as connection:
        pid = connection.pgconn.backend_pid
        port = house.gateway.ports["pg"]

        def attack() -> None:
            for key in (0, 1, 2**32 - 1):
                with socket.create_connection(("127.0.0.1", port), 10) as attacker:
                    attacker.sendall(struct.pack(">IIII", 16, 80877102, pid, key))
                    assert attacker.recv(10) == b""

        attacker = threading.Timer(0.2, attack)
        attacker.start()
        assert connection.execute("select pg_sleep(0.8), 'alive'").fetchone() == ("", "alive")
        attacker.join()
