"""Words between replicas on one PostgreSQL: told, heard, and heard again after the connection broke."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex

import pytest

from tests.support.gateway import wait_for
from tests.support.loop import Loop
from tests.support.postgres import Server
from twisted_hoop.news.postgresql import PostgresNews
from twisted_hoop.news.word import MISSED, Word
from twisted_hoop.store.database import Database


@pytest.fixture
def url(postgres: Server) -> str:
    name = f"news_{token_hex(4)}"
    postgres.create_database(name)
    return f"postgresql://{postgres.user}:{postgres.password}@{postgres.host}:{postgres.port}/{name}"


@contextmanager
def listening(loop: Loop, url: str, ident: str) -> Iterator[tuple[PostgresNews, list[Word]]]:
    database, heard = Database(url, loop.reactor), list[Word]()
    database.start()
    news = PostgresNews(loop.reactor, database, ident, heard.append)
    loop.run(news.start)
    try:
        yield news, heard
    finally:
        loop.run(news.stop)
        database.stop()


def test_the_others_hear_it_soon(loop: Loop, url: str) -> None:
    with listening(loop, url, "one") as (one, mine), listening(loop, url, "two") as (_, heard):
        began = time.monotonic()
        loop.run(lambda: one.tell("approval", "a"))
        wait_for(lambda: Word("approval", "a", "one") in heard, "the word")
        print(f"heard after {(time.monotonic() - began) * 1000:.1f} ms")
        loop.run(lambda: [one.tell("approval", str(number)) for number in range(50)])
        wait_for(lambda: len(heard) == 52, "all of them")
        assert mine == [Word(MISSED)]


def test_a_connection_that_breaks_is_made_again_and_says_so(loop: Loop, url: str, postgres: Server) -> None:
    with listening(loop, url, "one") as (one, _), listening(loop, url, "two") as (_, heard):
        wait_for(lambda: heard == [Word(MISSED)], "the first connection")
        name = url.rpartition("/")[2]
        postgres.run(
            f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}' and query like 'LISTEN%'"
        )
        wait_for(lambda: heard.count(Word(MISSED)) == 2, "the second connection")
        loop.run(lambda: one.tell("locks"))
        wait_for(lambda: Word("locks", "", "one") in heard, "a word over it")


def test_a_store_that_is_away_is_tried_again_and_stopping_ends_that(loop: Loop) -> None:
    heard: list[Word] = []
    database = Database("postgresql://nobody:secret@127.0.0.1:1/nothing", loop.reactor)
    news = PostgresNews(loop.reactor, database, "one", heard.append)
    loop.run(news.start)
    loop.run(lambda: news.tell("locks"))
    loop.run(news.stop)
    loop.run(lambda: news.tell("locks"))
    assert heard == []
