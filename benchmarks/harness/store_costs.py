"""What the store's work costs, measured on a real PostgreSQL: CPU of its processes, by the system's own account."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from harness.capacity import Costs
from tests.support.postgres import Server, running_postgres
from twisted_hoop.approval import changes, ledger
from twisted_hoop.approval.ballots import Vote
from twisted_hoop.approval.grants import granted
from twisted_hoop.approval.requests import Caps, make_request
from twisted_hoop.model import Command, Decision, Effect, Peer, Principal, Session, Target
from twisted_hoop.recording.finish import Finisher
from twisted_hoop.recording.keys import load_signing_key, public_keys
from twisted_hoop.recording.ledger import Ledger
from twisted_hoop.store.database import Database
from twisted_hoop.store.locks import holding
from twisted_hoop.store.replicas import Replica, Replicas, draining
from twisted_hoop.store.session_rows import put
from twisted_hoop.store.sessions import SessionIndex, ordered_ends

_TICK = os.sysconf("SC_CLK_TCK")


class Direct(Database):
    """A store whose work is done at once, in the calling thread."""

    def write(self, work: Any) -> Any:
        return self.write_now(work)

    read = write


def measured(costs: Costs, times: int) -> Costs:
    """The costs, with those of the store as this machine has them."""
    with running_postgres() as server, _database(server) as store:
        each = {name: _cost(server, times, work) for name, work in _works(store, times).items()}
        many = _cost(server, max(20, times // 10), _inserting(store, 20))
        each["word"] = _word(server, times)
    row = max(1e-6, (many - each["rows"]) / 19)
    return replace(costs, **{**each, "rows": max(1e-6, each["rows"] - row), "row": row})


def ledger_cost(folder: Path, times: int) -> float:
    """Seconds of CPU of one line of a ledger: chained, signed, written behind a lock, not synced."""
    key = load_signing_key(folder)
    finisher = Finisher(key, Ledger(folder / "ledger.hoop", key, sync=False), public_keys(folder))
    began = time.process_time()
    for number in range(times):
        finisher.opened(f"session-{number}", "2026/01/01/x", bytes(32))
    return (time.process_time() - began) / times


@contextmanager
def _database(server: Server) -> Iterator[Direct]:
    server.create_database("scaling")
    store = Direct(f"postgresql://{server.user}:{server.password}@{server.host}:{server.port}/scaling", None)
    store.start()
    try:
        yield store
    finally:
        store.stop()


def _works(store: Direct, times: int) -> dict[str, Callable[[int], object]]:
    table, now = Replicas(store), time.time()
    me = Replica("me", "hoop", "1", "v1", now, now, 0)
    table.here(me)
    for number in range(20):
        table.here(replace(me, id=f"other-{number}"))

    def look(_: int) -> None:
        store.read_now(lambda c: (granted(c, now), holding(c, now), ordered_ends(c), draining(c, "me")))

    return {
        "look": look,
        "sweep": lambda _: store.write_now(lambda c: ledger.expire(c, now)),
        "beat": lambda _: table.beat(me),
        "rows": _inserting(store, 1),
        "approval": _approving(store),
    }


def _approving(store: Direct) -> Callable[[int], object]:
    """One request from its filing to its use: filed, looked at, granted, taken."""
    who = Principal("https://issuer", "alice", "Alice")
    other = Principal("https://issuer", "bob", "Bob", frozenset({"dba"}))
    rule = Decision(Effect.REVIEW, "writes", approvers=frozenset({"dba"}), policy_version="v1")
    caps = Caps(pending=1_000_000, hourly=1_000_000)

    def work(number: int) -> None:
        now, name = time.time(), f"s-{time.time_ns()}"
        session = Session(name, who, Target("shop", "postgres", ""), Peer("192.0.2.7"), now)
        command = Command("query", f"delete from t where id = {number}", ({"class": frozenset({"write"})},))
        request = make_request(session, command, rule, now, caps)
        store.write_now(lambda c: ledger.file(c, request, caps))
        store.read_now(lambda c: ledger.fetch(c, request.id, now))
        vote = Vote(other.key, other.label, True, "", now)
        store.write_now(lambda c: changes.cast_vote(c, request.id, other, vote, ""))
        store.write_now(lambda c: changes.consume(c, request.digest, name, who.key, now))

    return work


def _word(server: Server, times: int) -> float:
    """What telling one listener of one word costs, of a hundred that listen."""
    listening = [psycopg.connect(server.dsn_for("scaling"), autocommit=True) for _ in range(100)]
    with psycopg.connect(server.dsn_for("scaling"), autocommit=True) as teller:
        for each in listening:
            each.execute("listen hoop_news")
        alone = _cost(server, times, lambda _: teller.execute("select pg_notify('nobody', 'x')"))
        all_of_them = _cost(server, times, lambda _: teller.execute("select pg_notify('hoop_news', 'x')"))
    for each in listening:
        each.close()
    return max(1e-6, (all_of_them - alone) / 100)


def _inserting(store: Direct, rows: int) -> Callable[[int], object]:
    """One transaction that writes the beginnings of so many sessions."""
    who, shop = Principal("https://issuer", "alice", "Alice"), Target("shop", "postgres", "")
    count = [0]

    def work(_: int) -> None:
        index = SessionIndex(store, time.time, _Never())
        for _ in range(rows):
            count[0] += 1
            index.opened(Session(f"{rows}-{count[0]:08}", who, shop, Peer("192.0.2.7"), time.time()))
        rows_, index._rows = list(index._rows.values()), {}
        store.write_now(lambda connection: put(connection, rows_, {}))

    return work


class _Never:
    """A reactor whose timers never come."""

    def callLater(self, *_: object) -> object:
        return self


def _cost(server: Server, times: int, work: Callable[[int], object]) -> float:
    """Seconds of the server's CPU for one call."""
    for number in range(20):
        work(number)
    before = cpu_of(server)
    for number in range(times):
        work(number)
    return max(1e-6, (cpu_of(server) - before) / times)


def cpu_of(server: Server) -> float:
    """Of the server and all its processes, those that ended too."""
    total = 0.0
    for process in (server.process.pid, *_children(server.process.pid)):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        total += sum(map(int, fields[11:15] if process == server.process.pid else fields[11:13])) / _TICK
    return total


def _children(process: int) -> list[int]:
    path = Path(f"/proc/{process}/task/{process}/children")
    return [int(each) for each in path.read_text().split()]
