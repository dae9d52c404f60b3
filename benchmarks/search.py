"""How long pages of search take, at many sessions: `python benchmarks/search.py [--sessions 100000] [--store URL]`.

Fills an index with sessions of five commands each, as the indexer writes them, then asks typical questions for a first
page of 50. Without --store it is SQLite in a temporary folder. Prints milliseconds: median and worst of several runs.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import harness  # noqa: F401 - finds this checkout
from sqlalchemy import text

from twisted_hoop.archive.index import find, put
from twisted_hoop.archive.query import parse
from twisted_hoop.archive.rows import Row, row_of
from twisted_hoop.store.database import Database

COMMANDS = 5
START = 1_790_000_000.0
WORDS = [f"{a}{b}" for a in ("order", "invoice", "price", "user", "stock", "region") for b in range(40)]
QUESTIONS = {
    "the latest": "",
    "a word in nearly all": "select",
    "a word in every hundredth": "invoice7",
    "a word in one": "needle",
    "a word in none": "haystack",
    "a phrase": '"select * from order3"',
    "a beginning": "invoi*",
    "a person": "person:user-77",
    "two frequent ones that never meet": "delete decision:review target:shop-1",
    "a table of a person since a day": "table:order3 person:user-7 since:30d",
    "refused, at one kind of target": "decision:deny target:shop-*",
    "old ones only": "select until:2026-09-22",
}


def rows(sessions: int) -> Iterator[Row]:
    """Commands of as many sessions, each a second after the one before."""
    dice = random.Random(1)
    for number in range(sessions):
        subject = f"user-{dice.randrange(500)}"
        header: dict[str, Any] = {
            "session": f"session-{number:08}",
            "started": START + number * 30,
            "principal": {"issuer": "https://issuer.example", "subject": subject, "name": subject.title(), "chain": []},
            "target": f"shop-{number % 20}",
            "protocol": "postgres",
        }
        for n in range(1, COMMANDS + 1):
            table = dice.choice(WORDS)
            said = f"select * from {table} where id = {dice.randrange(10**6)}"
            if dice.random() < 0.01:
                said = f"delete from {table} where id < {n}"
            if number == sessions // 2 and n == 1:
                said += " -- needle"
            entry: dict[str, Any] = {"n": n, "t": n * 0.5, "kind": "command", "text": said}
            entry["tables"] = [f"public.{table}"]
            entry["decision"] = "deny" if dice.random() < 0.02 else "allow"
            yield row_of(header, entry)


def fill(database: Database, sessions: int) -> float:
    """Seconds it took, in transactions as the indexer makes them."""
    began, some = time.perf_counter(), []
    for row in rows(sessions):
        some.append(row)
        if len(some) == 2000:
            _put(database, some)
            some = []
    _put(database, some)
    if database.kind == "postgresql":
        database.write_now(lambda connection: connection.execute(text("ANALYZE commands, command_words")) and None)
    return time.perf_counter() - began


def _put(database: Database, some: list[Row]) -> None:
    database.write_now(lambda connection: put(connection, some))


def ask(database: Database, question: str, now: float, times: int) -> dict[str, float]:
    """Milliseconds of a first page, and how many hits were on it."""
    query, took, hits = parse(question, now), [], 0
    for _ in range(times):
        began = time.perf_counter()
        hits = len(database.read_now(lambda connection: find(connection, query, 50)).items)
        took.append((time.perf_counter() - began) * 1000)
    return {"median_ms": round(statistics.median(took), 2), "worst_ms": round(max(took), 2), "hits": hits}


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=100_000)
    parser.add_argument("--quick", action="store_true", help="2,000 sessions only")
    parser.add_argument("--store", default="", help="SQLAlchemy URL of an empty PostgreSQL database")
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    sessions = 2000 if given.quick else given.sessions
    with tempfile.TemporaryDirectory() as folder:
        database = Database(given.store or f"sqlite:///{folder}/hoop.db", None)
        database.start()
        seconds = fill(database, sessions)
        now = START + sessions * 30
        found = {name: ask(database, question, now, given.times) for name, question in QUESTIONS.items()}
        database.stop()
    told = {"store": database.kind, "sessions": sessions, "commands": sessions * COMMANDS}
    if given.json:
        print(json.dumps({**told, "fill_seconds": round(seconds, 1), "questions": found}))
        return
    print(f"{told['commands']} commands of {sessions} sessions in {database.kind}: put in within {seconds:.0f} s")
    for name, each in found.items():
        print(f"{name:36} {each['median_ms']:8.2f} ms, worst {each['worst_ms']:8.2f} ms, {each['hits']} hits")


if __name__ == "__main__":
    main()
