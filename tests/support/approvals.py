"""Parts for tests of approvals: a clock that stands, people, commands, and an approver over a real store."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from twisted_hoop.approval.approver import Approver
from twisted_hoop.approval.desk import Desk
from twisted_hoop.approval.requests import Caps
from twisted_hoop.approval.shelf import Shelf
from twisted_hoop.approval.told import Told
from twisted_hoop.approval.watch import Watch
from twisted_hoop.model import Actor, Command, Decision, Effect, Kind, Peer, Principal, Session, Target
from twisted_hoop.store.database import Database

ISSUER = "https://issuer.example"
ALICE = Principal(ISSUER, "alice", "Alice", frozenset({"developers"}))
BOB = Principal(ISSUER, "bob", "Bob", frozenset({"dba"}))
CAROL = Principal(ISSUER, "carol", "Carol", frozenset({"dba", "auditors"}))
ROBOT = Principal(ISSUER, "robot", "robot", frozenset({"dba"}), Kind.MACHINE)
AGENT_FOR_ALICE = replace(ALICE, chain=(Actor(ISSUER, "agent-7"),))
SHOP = Target("shop", "postgres", "tcp:127.0.0.1:5432")
DELETE = Command(
    "query",
    "DELETE FROM customers",
    facts=({"class": frozenset({"write"}), "table": frozenset({"public.customers"})},),
    context=(("search_path", "public"),),
)
REVIEW = Decision(
    Effect.REVIEW, "writes", "writes need a second pair of eyes", approvers=frozenset({"dba"}), policy_version="v1"
)
RETRY = replace(REVIEW, wait=0.0)


def session_of(principal: Principal = ALICE, session_id: str = "session-1", **attributes: str) -> Session:
    """A session of the principal on the shop."""
    return Session(session_id, principal, SHOP, Peer("127.0.0.1", 50000), 1000.0, {"database": "shop"} | attributes)


@dataclass
class Time:
    """A clock that moves when told to."""

    seconds: float = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Office:
    """One process's approver and desk over a store."""

    database: Database
    approver: Approver
    desk: Desk
    watch: Watch
    shelf: Shelf
    time: Time
    locked: set[str] = field(default_factory=set)

    @property
    def told(self) -> Told:
        """Those who hear of changes."""
        return self.shelf.told


def open_office(url: str, reactor: Any, time: Time, caps: Caps | None = None) -> Office:
    """Start a store and what stands on it. Stop it with `office.database.stop()`."""
    database = Database(url, reactor)
    database.start()
    locked: set[str] = set()
    shelf = Shelf(database, time, lambda principal: principal.key not in locked)
    watch = Watch(shelf.decided, reactor)
    approver = Approver(shelf, watch, reactor, "http://127.0.0.1:8080", caps)
    return Office(database, approver, Desk(database, shelf, watch), watch, shelf, time, locked)


def sqlite_url(folder: Path) -> str:
    """A store in a file."""
    return f"sqlite:///{folder}/hoop.db"
