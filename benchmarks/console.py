"""What the console costs: `python benchmarks/console.py [--quick] [--json]`. An inbox of 10,000, in milliseconds."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_hoop.approval.desk import Desk
from twisted_hoop.approval.requests import Caps, Request, make_request
from twisted_hoop.approval.rows import values_of
from twisted_hoop.approval.shelf import Shelf
from twisted_hoop.approval.watch import Watch
from twisted_hoop.console.inbox import InboxPages
from twisted_hoop.console.pages import Pages
from twisted_hoop.console.place import Place
from twisted_hoop.console.visits import Visit
from twisted_hoop.model import Command, Decision, Effect, Peer, Principal, Session, Target
from twisted_hoop.settings import Settings
from twisted_hoop.store.database import Database
from twisted_hoop.store.tables import approvals, approver_groups
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.inbox import Inbox

REQUESTS = 10_000
LIMIT = 200.0
"""Milliseconds an inbox of 10,000 may take."""
_SQL = "-- reason: CHG-{n}\nDELETE FROM orders\n WHERE customer_id = {n}\n   AND note LIKE 'caf\u00e9 \u202e{n}%'"


class Parts:
    """What the inbox needs of the API's parts."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.access = None

    def audits(self, principal: Principal) -> bool:
        """Nobody is an auditor here."""
        return False


def requests(count: int, now: float) -> list[Request]:
    """Requests of a hundred people, each another text, half of them through an agent."""
    target = Target("shop", "postgres", "tcp:db:5432")
    decision = Decision(Effect.REVIEW, "writes", "two eyes more", approvers=frozenset({"dba"}), wait=3600.0)
    made = []
    for n in range(count):
        who = Principal("https://id.example", f"p{n % 100}", f"Person {n % 100}")
        session = Session(f"session-{n:06}", who, target, Peer("192.0.2.1"), now, {"database": "shop"})
        facts = ({"table": frozenset({"public.orders"}), "class": frozenset({"write"})},)
        command = Command("query", _SQL.format(n=n), facts, context=(("search_path", "public"),), reason=f"CHG-{n}")
        made.append(replace(make_request(session, command, decision, now - n / 1000, Caps()), deadline=now + 3600))
    return made


def fill(connection: Connection, found: list[Request]) -> None:
    """Put them into the store."""
    connection.execute(insert(approvals), [values_of(request) for request in found])
    connection.execute(insert(approver_groups), [{"approval_id": r.id, "name": "dba"} for r in found])


async def measured(work: Callable[[], Awaitable[Reply]], times: int) -> dict[str, float]:
    """Milliseconds: the median, the slowest, and kilobytes of the answer."""
    taken, size = [], 0
    for _ in range(times):
        began = time.perf_counter()
        size = len((await work()).data())
        taken.append((time.perf_counter() - began) * 1000)
    return {"median": round(statistics.median(taken), 2), "slowest": round(max(taken), 2), "kB": round(size / 1000, 1)}


async def run(reactor: Any, folder: str, count: int, times: int) -> dict[str, dict[str, float]]:
    """Every case: name → figures."""
    database = Database(f"sqlite:///{Path(folder) / 'store.db'}", reactor)
    database.start()
    try:
        database.write_now(lambda connection: fill(connection, requests(count, time.time())))
        shelf = Shelf(database, time.time, lambda principal: True)
        desk = Desk(database, shelf, Watch(shelf.decided, reactor))
        parts: Any = Parts(desk)
        place = Place(lambda: Settings(), reactor, None)  # type: ignore[arg-type]
        pages = Pages(lambda: "hoop", lambda visit: {"audit": False, "operate": False, "look": False}, "v", reactor)
        inbox = InboxPages(Inbox(parts), pages, place, time.time)
        bob = Visit(Principal("https://id.example", "bob", "Bob", frozenset({"dba"})), "token", 0.0, 0.0)
        call = Call("GET", "/approvals", {}, {}, b"", Peer("127.0.0.1"), True, "id")
        past = replace(call, query={"state": ["pending"]})
        return {
            f"inbox, {count} wait": await measured(lambda: inbox.page(call, bob), times),
            "its list alone, after an event": await measured(lambda: inbox.part(call, bob), times),
            "a page of the list of all": await measured(lambda: inbox.past(past, bob), times),
        }
    finally:
        database.stop()


def main() -> None:
    """Print the table, or JSON; exit with 1 when the inbox takes too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}

    def start(reactor: Any) -> Deferred[None]:
        async def whole() -> None:
            with tempfile.TemporaryDirectory() as folder:
                figures.update(await run(reactor, folder, REQUESTS, 5 if chosen.quick else 40))

        return Deferred.fromCoroutine(whole())

    try:
        react(start)
    except SystemExit as ended:
        if ended.code:
            raise
    if chosen.json:
        print(json.dumps(figures))
    else:
        for name, figure in figures.items():
            print(f"{name:<34}{figure['median']:>9.1f} ms{figure['slowest']:>9.1f} ms at most{figure['kB']:>9.1f} kB")
    slow = next(iter(figures.values()))["median"]
    raise SystemExit(f"the inbox takes {slow} ms, more than {LIMIT}" if slow > LIMIT else 0)


if __name__ == "__main__":
    main()
