"""Who read which recording, and when (R2). Rows are only ever added."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from sqlalchemy import insert, select
from twisted.internet.defer import succeed

from twisted_hoop.model import Peer, Principal
from twisted_hoop.store.codec import dumps, principal_data
from twisted_hoop.store.database import Database, running
from twisted_hoop.store.tables import reads


class ReadLog:
    """The list of readings. `add` must have succeeded before the first byte of a recording is shown."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    def add(self, reader: Principal, peer: Peer, session_id: str, what: str, request_id: str) -> Awaitable[None]:
        """`reader` is about to see `what` ("recording") of the session. Fails with StoreUnavailable."""
        return self.add_all(reader, peer, [session_id], what, request_id)

    def add_all(
        self, reader: Principal, peer: Peer, session_ids: Sequence[str], what: str, request_id: str
    ) -> Awaitable[None]:
        """The same of several recordings at once; of none, it asks the store nothing."""
        common = {
            "at": self._now(),
            "reader_key": reader.key,
            "reader_json": dumps(principal_data(reader)),
            "what": what,
            "address": peer.address,
            "request_id": request_id,
        }
        rows = [{"session_id": each, **common} for each in session_ids]
        return self._database.write(running(insert(reads).values(rows))) if rows else succeed(None)

    def of(self, session_id: str, limit: int = 1000) -> Awaitable[list[dict[str, Any]]]:
        """The readings of one session's recording, oldest first: at, reader_key, what, address, request_id."""
        columns = (reads.c.at, reads.c.reader_key, reads.c.what, reads.c.address, reads.c.request_id)
        query = select(*columns).where(reads.c.session_id == session_id).order_by(reads.c.id).limit(limit)
        return self._database.read(lambda connection: [dict(found._mapping) for found in connection.execute(query)])
