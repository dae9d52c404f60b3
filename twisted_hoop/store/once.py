"""What may happen once only, across replicas: callbacks that were answered (A9)."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from sqlalchemy import Connection, delete, insert, select

from twisted_hoop.store.database import Database
from twisted_hoop.store.tables import once


class Once:
    """Remembers keys until they cannot be valid any more. `now` gives POSIX time."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def first(self, kind: str, key: str, until: float) -> Awaitable[bool]:
        """True the first time, False afterwards, atomically; may be forgotten after `until` (POSIX time).

        Of two at once, the row's primary key lets one win; the loser's transaction is run again and sees the row.
        """
        digest = hashlib.sha256(f"{kind}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()
        now = self._now()

        def work(connection: Connection) -> bool:
            connection.execute(delete(once).where(once.c.until <= now))
            if connection.execute(select(once.c.key).where(once.c.key == digest)).first() is not None:
                return False
            connection.execute(insert(once).values(key=digest, until=until))
            return True

        return self._database.write(work)
