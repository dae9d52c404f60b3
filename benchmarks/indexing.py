"""What the index of search costs: CPU of the gateway's process for a command, and of the store's where that is another.

    python benchmarks/indexing.py [--commands 20000] [--rounds 5] [--postgresql] [--json]

Recordings are made as the PostgreSQL relay writes them: the same statement again and again; one whose parameters
differ, as pgbench -M prepared sends it; one whose literals differ, as pgbench -M simple does; and statements that have
little in common. Each is read and put into an empty store; figures are medians of the rounds, in µs a command.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import harness  # noqa: F401 - finds this checkout
from harness.store_costs import cpu_of
from recording import recorder, session

from tests.support.postgres import Server, running_postgres
from twisted_hoop.archive import indexer
from twisted_hoop.archive.indexer import followed, read_on
from twisted_hoop.model import Entry, Outcome
from twisted_hoop.recording.library import Library
from twisted_hoop.store.database import Database

WORDS = [f"{a}_{b}" for a in ("order", "invoice", "price", "user", "stock", "region", "shop") for b in range(40)]
"""Names of columns and tables."""


def _entry(number: int, text: str, table: str, **more: object) -> Entry:
    data = {"command": number, "action": "query", "text": text, "decision": "allow", "rule": "analysts-read"}
    return Entry("command", {**data, "policy": "3f1c2d4e5f60", "tables": [table], **more})


def _same(number: int, _: random.Random) -> Entry:
    return _entry(number, "SELECT abalance FROM pgbench_accounts WHERE aid = 1", "public.pgbench_accounts")


def _prepared(number: int, dice: random.Random) -> Entry:
    text, given = "SELECT abalance FROM pgbench_accounts WHERE aid = $1;", str(dice.randrange(100_000))
    return _entry(number, text, "public.pgbench_accounts", parameters=(given,))


def _simple(number: int, dice: random.Random) -> Entry:
    text = f"SELECT abalance FROM pgbench_accounts WHERE aid = {dice.randrange(100_000)};"
    return _entry(number, text, "public.pgbench_accounts")


def _distinct(number: int, dice: random.Random) -> Entry:
    a, b, c, table = (dice.choice(WORDS) for _ in range(4))
    text = f"SELECT {a}, {b}, count(*) FROM {table} WHERE {c} > {dice.randrange(10**6)} GROUP BY {a}, {b} LIMIT 50"
    return _entry(number, text, f"public.{table}")


WORKS: dict[str, Callable[[int, random.Random], Entry]] = {
    "the same": _same,
    "prepared": _prepared,
    "simple": _simple,
    "distinct": _distinct,
}


def record(state: Path, work: str, commands: int) -> None:
    """One recording: a command, and its outcome with the next."""
    place, dice = recorder(state), random.Random(1)
    recording = place.open(session(1))
    for number in range(1, commands + 1):
        recording.write(WORKS[work](number, dice))
        outcome = {"command": number, "tag": "SELECT 1", "rows": 1, "bytes": 42, "masked": 0}
        recording.write(Entry("outcome", outcome), lazy=True)
    recording.close(Outcome("closed"))


@contextmanager
def stores(server: Server | None, folder: Path) -> Iterator[Callable[[int], Database]]:
    """What makes empty ones, by number."""
    made: list[Database] = []

    def new(number: int) -> Database:
        url = f"sqlite:///{folder}/{number}.db"
        if server is not None:
            name = f"indexing_{number}_{time.time_ns()}"
            server.create_database(name)
            url = f"postgresql://{server.user}:{server.password}@{server.host}:{server.port}/{name}"
        made.append(Database(url, None))
        made[-1].start()
        return made[-1]

    yield new
    for each in made:
        each.stop()


def measure(state: Path, commands: int, rounds: int, server: Server | None) -> dict[str, float]:
    """µs a command: reading alone, all of it, and that of the store's processes."""
    library = Library(state / "recordings")
    read, whole, theirs = [], [], []
    with tempfile.TemporaryDirectory() as folder, stores(server, Path(folder)) as new:
        for number in range(rounds):
            began = time.process_time()
            assert sum(len(found) for _, found in followed(library, "bench-00000001").more()) == commands + 2
            read.append(time.process_time() - began)
            database, before = new(number), cpu_of(server) if server else 0.0
            began = time.process_time()
            assert read_on(database, library, "bench-00000001")
            whole.append(time.process_time() - began)
            theirs.append((cpu_of(server) if server else 0.0) - before)
    named = {"reading": read, "in all": whole} | ({"at the store": theirs} if server else {})
    return {name: round(statistics.median(each) / commands * 1e6, 2) for name, each in named.items()}


def main() -> None:
    """Record, index, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--commands", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--postgresql", action="store_true", help="the store is PostgreSQL; otherwise SQLite")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    given = parser.parse_args()
    indexer.Pace.breathe = lambda self: None  # type: ignore[method-assign]  # rests cost no CPU, only our time
    gc.freeze()  # as the gateway does, whose thread this work is in
    gc.set_threshold(10_000, 20, 50)
    with ExitStack() as stack:
        server = stack.enter_context(running_postgres()) if given.postgresql else None
        for work in WORKS:
            state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            record(state, work, given.commands)
            found = measure(state, given.commands, given.rounds, server)
            if given.json:
                print(json.dumps({"work": work, "store": "postgresql" if server else "sqlite", **found}), flush=True)
            else:
                told = ", ".join(f"{name} {value:.2f} µs" for name, value in found.items())
                print(f"{work:10} {told}", flush=True)


if __name__ == "__main__":
    main()
