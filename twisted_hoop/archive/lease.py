"""One replica at a time: a row that says who is at work, and until when. Functions of a Connection; they block."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from twisted_hoop.store.database import store_time
from twisted_hoop.store.tables import leases


def take(connection: Connection, name: str, owner: str, now: float, seconds: float) -> bool:
    """Whether `owner` has the lease from now on, or still has it, for so many seconds. Of two at once, one gets it.

    The row's primary key sees to that: the loser's transaction is run again, and finds the winner's row. By the store's
    clock where it has one: a replica whose own is ahead takes nothing from others. `now` is for where it has none.
    """
    now = store_time(connection, now)
    c = leases.c
    found = connection.execute(select(c.owner, c.until).where(c.name == name)).first()
    if found is not None and found.owner != owner and found.until > now:
        return False
    mine = (c.name == name) & ((c.owner == owner) | (c.until <= now))
    connection.execute(delete(leases).where(mine))
    connection.execute(insert(leases).values(name=name, owner=owner, until=now + seconds))
    return True


def give_back(connection: Connection, name: str, owner: str) -> None:
    """Let others have it, unless they do already."""
    connection.execute(delete(leases).where(leases.c.name == name, leases.c.owner == owner))
