"""After a refusal the session is as after any failed statement. Compared with the same statement failing directly.

Through the gateway the statement is refused by a rule; directly, a table of the same name denies the role its rights:
both are SQLSTATE 42501, and everything else must be equal too.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import pq

from tests.integration.conftest import LOGIN, House
from tests.support.programs import psql

Connection = psycopg.Connection[Any]
REFUSED = "select * from forbidden_seen"
WRITE = "insert into forbidden_seen values (1)"


@pytest.fixture(scope="module", autouse=True)
def tables(house: House) -> None:
    """A table whose owner is not the gateway's role: directly it is the server that refuses."""
    for sql in (
        "create table forbidden_seen (id int)",
        f"revoke all on forbidden_seen from {LOGIN}, public",
        "create table effects (id int, note text)",
        f"alter table effects owner to {LOGIN}",
    ):
        house.server.run(sql, house.database)


def state(connection: Connection) -> str:
    return connection.info.transaction_status.name


def attempt(connection: Connection, sql: str, *arguments: Any, **options: Any) -> str:
    try:
        connection.execute(sql, *arguments, **options)
    except psycopg.Error as error:
        return str(error.sqlstate)
    return "ok"


def outside_a_transaction(connection: Connection) -> Any:
    return [attempt(connection, REFUSED), state(connection), attempt(connection, "select 1"), state(connection)]


def in_a_transaction(connection: Connection) -> Any:
    seen = [attempt(connection, "begin"), attempt(connection, "insert into effects values (1)")]
    seen += [attempt(connection, REFUSED), state(connection), attempt(connection, "select 1")]
    seen += [attempt(connection, "commit"), state(connection)]
    return seen, connection.execute("select count(*) from effects where id = 1").fetchone()


def a_savepoint_recovers(connection: Connection) -> Any:
    seen = [attempt(connection, sql) for sql in ("begin", "insert into effects values (2)", "savepoint s", WRITE)]
    seen += [state(connection), attempt(connection, "rollback to s"), state(connection)]
    seen += [attempt(connection, "insert into effects values (3)"), attempt(connection, "commit")]
    return seen, connection.execute("select count(*) from effects where id in (2, 3)").fetchone()


def with_parameters(connection: Connection) -> Any:
    sql = "select * from forbidden_seen where id = %s"
    seen = [attempt(connection, sql, (1,)), state(connection), attempt(connection, sql, (1,), prepare=True)]
    return [*seen, attempt(connection, "select %s::int", (1,), prepare=True), state(connection)]


def several_in_one_text(connection: Connection) -> Any:
    """Without BEGIN the text is one transaction: nothing of it stays."""
    seen = [attempt(connection, f"insert into effects values (4); {REFUSED}; insert into effects values (5)")]
    return seen, state(connection), connection.execute("select count(*) from effects where id in (4, 5)").fetchone()


def executes_many(connection: Connection) -> Any:
    seen = []
    with connection.cursor() as cursor:
        try:
            cursor.executemany("insert into forbidden_seen values (%s)", [(n,) for n in range(20)])
        except psycopg.Error as error:
            seen.append(error.sqlstate)
    return seen, state(connection), attempt(connection, "select 1")


def copies_in(connection: Connection) -> Any:
    seen = []
    with connection.cursor() as cursor:
        try:
            with cursor.copy("copy forbidden_seen from stdin") as copy:
                copy.write_row((1,))
        except psycopg.Error as error:
            seen.append(error.sqlstate)
    return seen, state(connection), attempt(connection, "select 1")


def copies_out(connection: Connection) -> Any:
    seen = []
    with connection.cursor() as cursor:
        try:
            with cursor.copy("copy forbidden_seen to stdout") as copy:
                seen += list(copy)
        except psycopg.Error as error:
            seen.append(error.sqlstate)
    return seen, state(connection), attempt(connection, "select 1")


def a_pipeline(connection: Connection) -> Any:
    """What stands between the refused statement and the next sync is aborted; what follows the sync runs.

    psycopg raises wherever it happens to read the error, so only that it raised and what stayed is looked at here.
    """
    with pytest.raises(psycopg.Error) as caught, connection.pipeline() as pipeline:
        connection.execute("insert into effects values (6)")
        connection.execute(REFUSED)
        connection.execute("insert into effects values (7)")
        pipeline.sync()
    seen = [caught.value.sqlstate, state(connection), attempt(connection, "insert into effects values (8)")]
    return seen, connection.execute("select id from effects where id in (6, 7, 8) order by id").fetchall()


def a_cursor(connection: Connection) -> Any:
    seen = []
    with pytest.raises(psycopg.Error) as caught, connection.transaction(), connection.cursor("c") as cursor:
        cursor.execute(REFUSED)
    seen.append(caught.value.sqlstate)
    return seen, state(connection)


def prepared_in_sql(connection: Connection) -> Any:
    return [attempt(connection, f"prepare p as {REFUSED}"), attempt(connection, "execute p"), state(connection)]


SITUATIONS: list[Callable[[Connection], Any]] = [
    outside_a_transaction,
    in_a_transaction,
    a_savepoint_recovers,
    with_parameters,
    several_in_one_text,
    executes_many,
    copies_in,
    copies_out,
    a_pipeline,
    a_cursor,
]


@pytest.mark.parametrize("who", ["bob", "ci"])
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.__name__)
def test_P11_a_refusal_is_like_a_failed_statement(house: House, situation: Any, who: str) -> None:
    seen = []
    for dsn in (house.direct(), house.dsn(who)):
        house.server.run("truncate effects", house.database)
        with psycopg.connect(dsn, autocommit=True) as connection:
            seen.append(situation(connection))
    assert seen[1] == seen[0]


def test_P10_what_may_not_run_may_not_be_prepared(house: House) -> None:
    with psycopg.connect(house.dsn(), autocommit=True) as connection:
        assert prepared_in_sql(connection) == ["42501", "42501", "IDLE"]


def pipelined(connection: pq.abc.PGconn) -> Iterator[tuple[str, str]]:
    """libpq's own pipeline: batches between syncs, with a refused statement in the second."""
    connection.enter_pipeline_mode()
    for batch in (("select 1", "select 2"), ("select 3", REFUSED, "select 4"), ("select 5",)):
        for sql in batch:
            connection.send_query_params(sql.encode(), [])
        connection.pipeline_sync()
    syncs = 0
    while syncs < 3:
        result = connection.get_result()
        if result is None:
            continue
        status = pq.ExecStatus(result.status).name
        syncs += status == "PIPELINE_SYNC"
        code = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        yield status, (result.get_value(0, 0) or b"").decode() if status == "TUPLES_OK" else code
    connection.exit_pipeline_mode()


def test_P11_everything_up_to_the_next_sync_is_aborted(house: House) -> None:
    seen = []
    for dsn in (house.direct(), house.dsn(), house.dsn("bob")):
        with psycopg.connect(dsn, autocommit=True) as connection:
            seen.append(list(pipelined(connection.pgconn)))
    assert seen[1] == seen[0] == seen[2]
    assert [status for status, _ in seen[0]].count("PIPELINE_ABORTED") == 1


def test_a_refusal_says_what_to_do_and_shows_nothing_of_how(house: House) -> None:
    denied = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with psycopg.connect(house.dsn(), autocommit=True) as connection, denied as caught:
        connection.execute(REFUSED)
    said = caught.value.diag
    assert said.message_primary == "hoop: this table is closed"
    assert said.message_detail is not None
    assert "forbidden-table" in said.message_detail
    assert said.message_hint
    assert said.statement_position is None
    assert "hoop_refused" not in str(caught.value)


def test_psql_stops_at_a_refusal_when_told_to(house: House) -> None:
    script = (
        f"begin;\ninsert into effects values (9);\n{REFUSED};\ncommit;\nselect count(*) from effects where id = 9;\n"
    )
    ran = psql(18, house.gateway.environ("shop"), script, "-v", "ON_ERROR_STOP=1")
    assert (ran.status, ran.out) == (3, "")
    ran = psql(18, house.gateway.environ("shop"), script)
    assert (ran.status, ran.out) == (0, "0\n")


def test_P4_P12_replication_and_function_calls(house: House) -> None:
    """FunctionCall by libpq's PQfn, sent as its message; replication at start-up."""
    with pytest.raises(psycopg.OperationalError, match="replication"):
        psycopg.connect(house.dsn("bob", more="sslmode=disable replication=database"))
    import socket

    message = struct.pack(">IHHH", 1598, 0, 0, 0)  # random(): a function no rule is against
    start = struct.pack(">I", 196608) + b"user\0x\0database\0shop\0\0"
    with socket.create_connection(("127.0.0.1", house.gateway.ports["pg"]), 20) as wire:
        wire.settimeout(20)
        wire.sendall(struct.pack(">I", len(start) + 4) + start)
        assert wire.recv(9)[:1] == b"R"
        wire.sendall(b"p" + struct.pack(">I", 4 + len(b"token-of-bob\0")) + b"token-of-bob\0")
        answer = _until_ready(wire)
        wire.sendall(b"F" + struct.pack(">I", len(message) + 4) + message)
        answer = _until_ready(wire)
        assert b"C42501" in answer
        assert answer.endswith(b"Z\0\0\0\x05I")
        wire.sendall(b"Q\0\0\0\x0dselect 1\0")
        assert b"SELECT 1" in _until_ready(wire)


def _until_ready(wire: Any) -> bytes:
    data = b""
    while data[-6:-1] != b"Z\0\0\0\x05":
        piece = wire.recv(65536)
        assert piece, data
        data += piece
    return data
