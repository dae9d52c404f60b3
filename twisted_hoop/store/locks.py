"""Locks that every replica sees and that outlive a restart: the table behind `identity.locks` (I9)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select

from twisted_hoop.store.database import Database
from twisted_hoop.store.tables import locks


@dataclass(frozen=True, slots=True)
class LockRow:
    """One lock: `kind` is principal, group, issuer or target; `until` (POSIX) 0 means no end; `by_key` set it."""

    kind: str
    value: str
    until: float
    reason: str
    by_key: str
    at: float


class LockTable:
    """Locks in the store. Every method answers with an Awaitable that may fail with StoreUnavailable."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def put(self, row: LockRow) -> Awaitable[None]:
        """Shut out; a second lock on the same thing replaces the first."""

        def work(connection: Connection) -> None:
            connection.execute(delete(locks).where(_same(row.kind, row.value)))
            values = {name: getattr(row, name) for name in LockRow.__slots__}
            connection.execute(insert(locks).values(values))

        return self._database.write(work)

    def lift(self, kind: str, value: str) -> Awaitable[bool]:
        """Whether there was such a lock."""
        return self._database.write(lambda c: c.execute(delete(locks).where(_same(kind, value))).rowcount > 0)

    def all(self) -> Awaitable[list[LockRow]]:
        """Those that hold now, newest first."""
        now = self._now()
        return self._database.read(lambda connection: holding(connection, now))


def holding(connection: Connection, now: float) -> list[LockRow]:
    """The locks that hold at `now`, newest first."""
    query = select(locks).where(or_(locks.c.until == 0, locks.c.until > now)).order_by(locks.c.at.desc())
    return [LockRow(**found._mapping) for found in connection.execute(query)]


def _same(kind: str, value: str) -> Any:
    return (locks.c.kind == kind) & (locks.c.value == value)
