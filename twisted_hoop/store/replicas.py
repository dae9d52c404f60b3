"""The processes that share a store: each says every few seconds that it lives."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select

from twisted_hoop.store.database import Database, running
from twisted_hoop.store.tables import replicas

GONE = 60.0
"""Seconds without a word after which a replica is taken for gone, and its row for old."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One process. Times are POSIX; `sessions` live there; `policy` is the version of its rules."""

    id: str
    name: str
    version: str
    policy: str
    started: float
    seen: float
    sessions: int


class Replicas:
    """The table. Every method answers with an Awaitable that may fail with StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def here(self, replica: Replica) -> Awaitable[None]:
        """It lives, as of `replica.seen`; those that said nothing for long are forgotten."""

        def work(connection: Connection) -> None:
            old = (replicas.c.id == replica.id) | (replicas.c.seen < replica.seen - GONE)
            connection.execute(delete(replicas).where(old))
            connection.execute(insert(replicas).values(asdict(replica)))

        return self._database.write(work)

    def gone(self, ident: str) -> Awaitable[None]:
        """It stops."""
        return self._database.write(running(delete(replicas).where(replicas.c.id == ident)))

    def all(self) -> Awaitable[list[Replica]]:
        """Those known, the oldest first."""
        query = select(replicas).order_by(replicas.c.started)
        return self._database.read(lambda c: [Replica(**row._mapping) for row in c.execute(query)])
