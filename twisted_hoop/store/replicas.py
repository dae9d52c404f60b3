"""The processes that share a store: each holds a lease by saying every few seconds that it lives.

Who said nothing for LEASE seconds is taken for dead by the others: its row is fenced, and its sessions are marked as
interrupted, in one transaction and by one of them. That may be wrong, for a process that did nothing for long, or that
the store could not hear, looks the same. So nothing is taken from it but rows: it learns of it at its next word, and
writes itself and the sessions it still has down again. Times are the store's own, as clocks of machines differ.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, delete, insert, select, update

from twisted_hoop.store.database import Database, running, store_time
from twisted_hoop.store.session_rows import INTERRUPTED, LIVE
from twisted_hoop.store.tables import replicas, sessions

LEASE = 20.0
"""Seconds without a word after which a replica is taken for dead."""
GONE = 3600.0
"""Seconds after which the row of one that is dead is deleted."""
_IDS = 500  # ids in one statement: SQLite takes a bounded number of parameters


@dataclass(frozen=True, slots=True)
class Replica:
    """One process. Times are POSIX; `sessions` live there; `policy` is the version of its rules.

    `fenced` is when the others took it for dead, 0 while they do not; `draining` says who asked it to stop and why.
    `peer` is where the others reach it for streams to agents, `peer_key` the key it proves itself with, for this life.
    """

    id: str
    name: str
    version: str
    policy: str
    started: float
    seen: float
    sessions: int
    fenced: float = 0.0
    draining: str = ""
    peer: str = ""
    peer_key: str = ""


@dataclass(frozen=True, slots=True)
class Dead:
    """A replica that was taken for dead just now, and the sessions that lived there."""

    id: str
    name: str
    sessions: tuple[str, ...]


Also = Callable[[Connection, "list[str]"], None]


class Replicas:
    """The table. Every method answers with an Awaitable that may fail with StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def here(self, replica: Replica, sessions_here: Iterable[str] = ()) -> Awaitable[None]:
        """It is there: for the first time, or again after it was taken for dead. Its sessions live then."""
        ids = list(sessions_here)

        def work(connection: Connection) -> None:
            now = store_time(connection, replica.seen)
            connection.execute(delete(replicas).where(replicas.c.id == replica.id))
            connection.execute(insert(replicas).values({**asdict(replica), "seen": now}))
            for start in range(0, len(ids), _IDS):
                mine = sessions.c.id.in_(ids[start : start + _IDS]) & (sessions.c.replica == replica.id)
                again = update(sessions).where(mine, sessions.c.state == INTERRUPTED)
                connection.execute(again.values(state=LIVE, ended=None))

        return self._database.write(work)

    def beat(self, replica: Replica) -> Awaitable[bool]:
        """It lives. False when the others took it for dead: its lease is over, see `here`."""

        def work(connection: Connection) -> bool:
            values = {
                "seen": store_time(connection, replica.seen),
                "sessions": replica.sessions,
                "policy": replica.policy,
            }
            mine = update(replicas).where(replicas.c.id == replica.id, replicas.c.fenced == 0)
            return connection.execute(mine.values(values)).rowcount > 0

        return self._database.write(work)

    def judge(self, me: str, now: float, also: Also) -> Awaitable[list[Dead]]:
        """Take those for dead whose lease is over, but never oneself. Of several judges at once, one gets each.

        `also` is given all their sessions, in the same transaction: what is theirs ends with them, or nothing does.
        """

        def work(connection: Connection) -> list[Dead]:
            dead = _judge(connection, me, store_time(connection, now))
            if dead:
                also(connection, [session for each in dead for session in each.sessions])
            return dead

        return self._database.write(work)

    def drain(self, ident: str, why: str) -> Awaitable[bool]:
        """Ask one to stop, which it follows; False when there is none of that id that lives."""
        change = update(replicas).where(replicas.c.id == ident, replicas.c.fenced == 0).values(draining=why)
        return self._database.write(lambda c: c.execute(change).rowcount > 0)

    def gone(self, ident: str) -> Awaitable[None]:
        """It stops."""
        return self._database.write(running(delete(replicas).where(replicas.c.id == ident)))

    def all(self) -> Awaitable[list[Replica]]:
        """Those that live, the oldest first."""
        query = select(replicas).where(replicas.c.fenced == 0).order_by(replicas.c.started)
        return self._database.read(lambda c: [Replica(**row._mapping) for row in c.execute(query)])


def living(connection: Connection, now: float) -> frozenset[str]:
    """Ids of those whose lease holds at this moment, also where nobody runs that would take the others for dead."""
    late = store_time(connection, now) - LEASE
    return frozenset(connection.scalars(select(replicas.c.id).where(replicas.c.fenced == 0, replicas.c.seen >= late)))


def draining(connection: Connection, ident: str) -> str:
    """Who asked this replica to stop and why; "" when nobody did."""
    return connection.scalar(select(replicas.c.draining).where(replicas.c.id == ident)) or ""


def _judge(connection: Connection, me: str, now: float) -> list[Dead]:
    connection.execute(delete(replicas).where(replicas.c.fenced != 0, replicas.c.fenced < now - GONE))
    late = (replicas.c.seen < now - LEASE) & (replicas.c.fenced == 0) & (replicas.c.id != me)
    found = connection.execute(select(replicas.c.id, replicas.c.name).where(late)).all()
    # The condition is looked at again under the row's lock: it may have said a word meanwhile, or another judge won.
    fence = update(replicas).values(fenced=now)
    taken = [row for row in found if connection.execute(fence.where(replicas.c.id == row.id, late)).rowcount]
    return [Dead(row.id, row.name, tuple(_interrupted(connection, row.id, now))) for row in taken]


def _interrupted(connection: Connection, replica: str, now: float) -> list[str]:
    theirs = (sessions.c.replica == replica) & (sessions.c.state == LIVE)
    ids = list(connection.scalars(select(sessions.c.id).where(theirs)))
    connection.execute(update(sessions).where(theirs).values(state=INTERRUPTED, ended=now))
    return ids
