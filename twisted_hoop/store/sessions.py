"""The index of sessions: who used what, from when to when. What they did is in the recordings, not here."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, insert, select, update
from twisted.internet.defer import Deferred

from twisted_hoop.model import Outcome, Session
from twisted_hoop.store.codec import dumps, principal_data
from twisted_hoop.store.database import Database, running
from twisted_hoop.store.tables import sessions

T = TypeVar("T")
LIVE = "live"
INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session. `state` is "live" or the outcome's code; `ended` is None while it lives; times are POSIX."""

    id: str
    principal_key: str
    subject: str
    principal: dict[str, Any]
    target: str
    protocol: str
    peer: str
    started: float
    ended: float | None
    state: str
    commands: int


class SessionIndex:
    """Sessions in the store. Every method answers with an Awaitable that may fail with StoreUnavailable."""

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now
        self._opening: dict[str, Deferred[None]] = {}

    def opened(self, session: Session) -> Deferred[None]:
        """A session began."""
        written = self._opening[session.id] = Deferred()
        work = self._database.write(running(insert(sessions).values(_values(session))))
        return work.addBoth(self._was_opened, session.id, written)

    def _was_opened(self, result: T, session_id: str, written: Deferred[None]) -> T:
        self._opening.pop(session_id, None)
        written.callback(None)
        return result

    def closed(self, session_id: str, outcome: Outcome, commands: int) -> Deferred[None]:
        """It is over; the first outcome stays."""
        return Deferred.fromCoroutine(self._closed(session_id, outcome, commands))

    async def _closed(self, session_id: str, outcome: Outcome, commands: int) -> None:
        values = {"ended": self._now(), "state": outcome.code[:16], "commands": commands}
        if session_id in self._opening:
            # Threads do not keep order: a short session must not be closed before it is there.
            await self._opening[session_id]
        change = update(sessions).where(sessions.c.id == session_id, sessions.c.state == LIVE)
        await self._database.write(running(change.values(values)))

    def interrupted(self, session_ids: list[str]) -> Awaitable[None]:
        """Sessions an earlier process left live, as the recordings it did not finish tell at the start."""
        change = update(sessions).where(sessions.c.id.in_(session_ids), sessions.c.state == LIVE)
        values = {"ended": self._now(), "state": INTERRUPTED}
        return self._database.write(running(change.values(values)))

    def get(self, session_id: str) -> Awaitable[SessionRow | None]:
        """One session, or None."""
        query = select(sessions).where(sessions.c.id == session_id)
        return self._database.read(lambda connection: _first(connection, query))

    def list(
        self, principal_key: str | None = None, limit: int = 100, target: str = "", subject: str = ""
    ) -> Awaitable[list[SessionRow]]:
        """The newest sessions, of one principal or (None) of everybody; `target` and `subject` select exactly."""
        query = select(sessions).order_by(sessions.c.started.desc(), sessions.c.id).limit(limit)
        if principal_key is not None:
            query = query.where(sessions.c.principal_key == principal_key)
        if target:
            query = query.where(sessions.c.target == target)
        if subject:
            query = query.where(sessions.c.subject == subject)
        return self._database.read(lambda connection: [_row(found) for found in connection.execute(query)])


def _values(session: Session) -> dict[str, Any]:
    return {
        "id": session.id,
        "principal_key": session.principal.key,
        "subject": session.principal.subject,
        "principal_json": dumps(principal_data(session.principal)),
        "target": session.target.name,
        "protocol": session.target.protocol,
        "peer": session.peer.address,
        "started": session.started,
        "ended": None,
        "state": LIVE,
        "commands": 0,
    }


def _first(connection: Connection, query: Select[Any]) -> SessionRow | None:
    found = connection.execute(query).first()
    return None if found is None else _row(found)


def _row(found: Row[Any]) -> SessionRow:
    data = dict(found._mapping)
    data["principal"] = json.loads(data.pop("principal_json"))
    return SessionRow(**data)
