"""Migrations: idempotent, the same as the tables, and one at a time."""

from __future__ import annotations

import sqlite3
import threading
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from tests.support.postgres import Server
from twisted_hoop.store.database import Database
from twisted_hoop.store.migrate import upgrade
from twisted_hoop.store.tables import metadata


def differences(connection: Connection) -> list[object]:
    options = {"include_name": known_here}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def known_here(name: str | None, kind: str, _parents: object) -> bool:
    """All but the words of commands, which each database indexes in its own way: made and used in archive/index.py."""
    return not (kind == "table" and (name or "").startswith("command_words"))


def test_migrations_make_exactly_the_tables(store_url: str) -> None:
    database = Database(store_url, None)
    database.start()
    assert database.read_now(differences) == []
    database.stop()


def test_running_again_changes_nothing(store_url: str) -> None:
    database = Database(store_url, None)
    database.start()
    before = database.read_now(lambda c: c.execute(text("select sql from sqlite_master order by 1")).all())
    database.write_now(upgrade)
    assert database.read_now(lambda c: c.execute(text("select sql from sqlite_master order by 1")).all()) == before
    database.stop()


def test_several_processes_start_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    databases = [Database(url, None) for _ in range(4)]
    faults: list[Exception] = []

    def start(database: Database) -> None:
        try:
            database.start()
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=start, args=(each,)) for each in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert databases[0].read_now(lambda c: c.execute(text("select count(*) from alembic_version")).scalar()) == 1
    for each in databases:
        each.stop()


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DDL is inside the transaction: a half-made schema is never seen."""
    database = Database(f"sqlite:///{tmp_path}/half.db", None)

    def fails(connection: Connection) -> None:
        upgrade(connection)
        raise OSError("no space left")

    monkeypatch.setattr("twisted_hoop.store.database.upgrade", fails)
    with pytest.raises(Exception, match="did not answer"):
        database.start()
    tables = database.read_now(lambda c: c.execute(text("select name from sqlite_master")).all())
    assert tables == []


def test_the_same_on_postgresql(postgres: Server) -> None:
    postgres.create_database("store_migrate")
    url = f"postgresql+psycopg://{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}/store_migrate"
    for _ in range(2):
        database = Database(url, None)
        database.start()
        assert database.read_now(differences) == []
        database.stop()


OLD = Path(__file__).parent / "samples" / "store_v0002.sql"
"""A store as the last program left it that knew no archive: SQLite's dump, with a row in every table."""


def test_a_store_of_an_older_installation_keeps_every_row(tmp_path: Path) -> None:
    """R5: what was decided, locked and read stays so, and old rows get what new columns need."""
    with sqlite3.connect(tmp_path / "hoop.db") as old:
        old.executescript(OLD.read_text())
    before = {name: old.execute(f"select * from {name}").fetchall() for name in names(old)}
    old.close()
    (tmp_path / "hoop.db").chmod(0o600)
    database = Database(f"sqlite:///{tmp_path}/hoop.db", None)
    database.start()
    assert database.read_now(differences) == []
    for name, rows in before.items():
        found = database.read_now(partial(rows_of, name))
        assert [row[: len(rows[0])] for row in found] == rows, name
    database.stop()


def rows_of(name: str, connection: Connection) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(text(f"select * from {name}"))]


def names(connection: sqlite3.Connection) -> list[str]:
    query = (
        "select name from sqlite_master where type = 'table' and name not like 'sqlite%' and name <> 'alembic_version'"
    )
    return [str(name) for (name,) in connection.execute(query)]
