"""One replica at a time."""

from __future__ import annotations

import threading

import pytest

from tests.support.postgres import Server
from twisted_hoop.archive.lease import give_back, take
from twisted_hoop.store.database import Database


@pytest.fixture
def database(store_url: str) -> Database:
    database = Database(store_url, None)
    database.start()
    return database


def taken(database: Database, owner: str, now: float) -> bool:
    return database.write_now(lambda connection: take(connection, "work", owner, now, 10.0))


def test_until_it_is_given_back_or_runs_out(database: Database) -> None:
    assert taken(database, "a", 100.0) and not taken(database, "b", 109.0)
    assert taken(database, "a", 109.0), "the owner renews it"
    assert not taken(database, "b", 118.0) and taken(database, "b", 119.0)
    database.write_now(lambda connection: give_back(connection, "work", "a"))
    assert not taken(database, "a", 120.0), "it was not a's any more to give back"
    database.write_now(lambda connection: give_back(connection, "work", "b"))
    assert taken(database, "a", 120.0)
    database.stop()


def test_of_many_at_once_one_gets_it(postgres: Server) -> None:
    postgres.create_database("archive_lease")
    where = f"{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}"
    database = Database(f"postgresql+psycopg://{where}/archive_lease", None)
    database.start()
    won: list[str] = []

    def try_it(name: str) -> None:
        if taken(database, name, 100.0):
            won.append(name)

    threads = [threading.Thread(target=try_it, args=(f"r{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    database.stop()
