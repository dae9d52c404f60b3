"""Log-ins that Vault made for sessions, written down before they are used: what a crash leaves behind is revoked.

A row goes when Vault has revoked the lease. Until then some replica tries again: its own, or any other once its own is
dead. Whoever tries moves `next` forward first, so that two seldom do the same; if they do, Vault does not mind.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable

from sqlalchemy import Connection, delete, insert, select, update

from twisted_hoop.model import TargetLease
from twisted_hoop.store.database import Database, running
from twisted_hoop.store.tables import replicas, secret_leases

CLAIM = 30.0
"""Seconds in which who took a row for revoking it has to be done."""
MOST = 100


class SecretLeases:
    """The table. `replica` is this process; `now` gives POSIX time. All but `__init__` may fail: StoreUnavailable."""

    def __init__(self, database: Database, now: Callable[[], float], replica: str) -> None:
        self._database, self._now, self._replica = database, now, replica

    def put(self, lease: TargetLease) -> Awaitable[None]:
        """Write down a lease of this replica that is about to be used."""
        values = {
            "id": _id(lease.name),
            "lease": lease.name,
            "reference": lease.reference,
            "replica": self._replica,
            "session_id": lease.session,
            "until": lease.until,
            "next": 0.0,
            "attempts": 0,
        }
        return self._database.write(running(insert(secret_leases).values(values)))

    def extended(self, name: str, until: float) -> Awaitable[None]:
        """It was renewed."""
        change = update(secret_leases).where(secret_leases.c.id == _id(name)).values(until=until)
        return self._database.write(running(change))

    def owing(self, name: str, later: float = 0.0) -> Awaitable[None]:
        """It is used no more and is to be revoked, `later` seconds from now. Counts as an attempt that failed."""
        change = update(secret_leases).where(secret_leases.c.id == _id(name))
        values = {"next": self._now() + later, "attempts": secret_leases.c.attempts + 1}
        return self._database.write(running(change.values(values)))

    def done(self, name: str) -> Awaitable[None]:
        """It was revoked, or ended by itself."""
        return self._database.write(running(delete(secret_leases).where(secret_leases.c.id == _id(name))))

    def interrupted(self, sessions: Iterable[str]) -> Awaitable[None]:
        """These sessions ended in a crash: what was theirs is to be revoked."""
        ids = list(sessions)

        def work(connection: Connection) -> None:
            for session in ids:
                theirs = update(secret_leases).where(secret_leases.c.session_id == session, secret_leases.c.next == 0)
                connection.execute(theirs.values(next=self._now()))

        return self._database.write(work)

    def due(self) -> Awaitable[list[TargetLease]]:
        """Take those whose revoking is due, and those of replicas that are dead; they are this caller's for CLAIM."""
        now = self._now()

        def work(connection: Connection) -> list[TargetLease]:
            alive = select(replicas.c.id).where(replicas.c.fenced == 0)
            owed = (secret_leases.c.next > 0) & (secret_leases.c.next <= now)
            orphaned = (secret_leases.c.next == 0) & secret_leases.c.replica.not_in([self._replica])
            orphaned &= secret_leases.c.replica.not_in(alive)
            rows = connection.execute(select(secret_leases).where(owed | orphaned).limit(MOST)).all()
            for row in rows:
                mine = update(secret_leases).where(secret_leases.c.id == row.id)
                connection.execute(mine.values(next=now + CLAIM))
            return [TargetLease(r.lease, r.reference, r.session_id, r.until, r.attempts) for r in rows]

        return self._database.write(work)


def _id(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
