"""The database: transactions in its own threads, faults as StoreUnavailable, and the same on a real PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text

from tests.support.loop import Loop
from tests.support.postgres import Server
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.store.database import Database, running
from twisted_hoop.store.tables import holders, reads

ROW = {
    "at": 1.0,
    "reader_key": "i|s",
    "reader_json": "{}",
    "session_id": "session-1",
    "what": "recording",
    "address": "127.0.0.1",
    "request_id": "r",
}


def count(connection: Connection) -> int:
    return len(connection.execute(select(reads)).all())


def test_work_runs_in_other_threads_and_answers_in_the_reactor(store_url: str, loop: Loop) -> None:
    database = Database(store_url, loop.reactor)
    database.start()
    threads: list[str] = []

    async def go() -> str:
        await database.write(running(insert(reads).values(ROW)))
        assert await database.read(count) == 1
        await database.read(lambda _: threads.append(threading.current_thread().name))
        return threading.current_thread().name

    here = loop.run(go)
    assert threads[0] != here
    database.stop()
    database.stop()


def test_a_fault_rolls_the_whole_transaction_back(store_url: str) -> None:
    database = Database(store_url, None)
    database.start()

    def half(connection: Connection) -> None:
        connection.execute(insert(reads).values(ROW))
        raise KeyError("work's own errors pass")

    with pytest.raises(KeyError):
        database.write_now(half)
    assert database.read_now(count) == 0
    database.stop()


@pytest.mark.parametrize(
    "statement",
    [
        text("select * from nothing"),
        insert(reads).values(ROW | {"at": None}),
        insert(reads).values(ROW | {"what": "\ud800"}),
        insert(holders).values(approval_id="no such approval", session_id="s"),
    ],
)
def test_faults_are_store_unavailable_and_name_no_values(store_url: str, statement: object) -> None:
    """R11: the driver's message, which may hold values, is not passed on."""
    database = Database(store_url, None)
    database.start()
    with pytest.raises(StoreUnavailable) as caught:
        database.write_now(running(statement))  # type: ignore[arg-type]
    assert "i|s" not in str(caught.value) and "127.0.0.1" not in str(caught.value)
    database.stop()


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite:////no/such/folder/x.db", "nosuchdatabase://h/d"])
def test_urls_that_cannot_be_used(url: str) -> None:
    with pytest.raises(StoreUnavailable):
        Database(url, None).start()


def test_before_start_and_after_stop_it_says_so(store_url: str) -> None:
    database = Database(store_url, None)
    with pytest.raises(StoreUnavailable, match="not open"):
        database.read_now(count)


def test_two_processes_write_at_once(store_url: str) -> None:
    first, second = Database(store_url, None), Database(store_url, None)
    first.start()
    second.start()

    def many(database: Database) -> None:
        for _ in range(25):
            database.write_now(running(insert(reads).values(ROW)))

    threads = [threading.Thread(target=many, args=(each,)) for each in (first, first, second, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert first.read_now(count) == 100
    first.stop()
    second.stop()


def test_a_store_that_stays_locked_is_unavailable(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twisted_hoop.store.database.BUSY_TIMEOUT", 0.05)
    database = Database(store_url, None)
    database.start()
    other = sqlite3.connect(store_url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable):
        database.write_now(running(insert(reads).values(ROW)))
    assert database.read_now(count) == 0  # readers are not in its way
    other.close()
    database.stop()


def test_r11_a_store_others_can_read_is_refused(store_url: str) -> None:
    """R11: file modes are checked before the store is opened, and its journals are as private as it is."""
    path = Path(store_url.removeprefix("sqlite:///"))
    path.chmod(0o644)
    with pytest.raises(StoreUnavailable):
        Database(store_url, None).start()
    path.chmod(0o600)
    database = Database(store_url, None)
    database.start()
    database.write_now(running(insert(reads).values(ROW)))
    assert {oct(each.stat().st_mode & 0o777) for each in path.parent.iterdir()} == {"0o600"}
    assert len(os.listdir(path.parent)) == 3  # the database, its log and the log's index
    database.stop()


def test_settings_of_sqlite(store_url: str) -> None:
    database = Database(store_url, None)
    database.start()
    pragmas = {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2}
    for name, value in pragmas.items():
        assert database.read_now(lambda c, name=name: c.execute(text(f"pragma {name}")).scalar()) == value
    database.stop()


def test_the_same_on_postgresql(postgres: Server, loop: Loop) -> None:
    postgres.create_database("store_database")
    database = Database(postgresql_url(postgres, "store_database"), loop.reactor)
    database.start()

    async def go() -> int:
        await database.write(running(insert(reads).values(ROW)))
        assert await database.ping()
        return await database.read(count)

    assert loop.run(go) == 1
    database.stop()


def postgresql_url(server: Server, name: str) -> str:
    return f"postgresql+psycopg://{server.user}:{server.password}@{server.host}:{server.port}/{name}"
