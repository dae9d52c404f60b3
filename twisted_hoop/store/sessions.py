"""The index of sessions: who used what, from when to when. What they did is in the recordings, not here."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update
from twisted.internet.defer import Deferred

from twisted_hoop.model import Outcome, Session
from twisted_hoop.store.codec import dumps, principal_data
from twisted_hoop.store.database import Database, running
from twisted_hoop.store.tables import sessions

Rows = list[dict[str, Any]]
DELAY = 0.2  # seconds
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
    """Sessions in the store. Every method answers with an Awaitable that may fail with StoreUnavailable.

    With a reactor, what happens within `DELAY` is written in one transaction: short sessions cost one row, once.
    Readers see it all the same.
    """

    def __init__(self, database: Database, now: Callable[[], float], reactor: Any = None) -> None:
        self._database = database
        self._now = now
        self._reactor = reactor
        self._rows: dict[str, dict[str, Any]] = {}
        self._ends: dict[str, dict[str, Any]] = {}
        self._waiting: list[Deferred[None]] = []
        self._writing: Deferred[None] | None = None
        self._timer: Any = None

    def opened(self, session: Session) -> Deferred[None]:
        """A session began."""
        self._rows[session.id] = _values(session)
        return self._soon()

    def closed(self, session_id: str, outcome: Outcome, commands: int) -> Deferred[None]:
        """It is over; the first outcome stays."""
        values = {"ended": self._now(), "state": outcome.code[:16], "commands": commands}
        if session_id not in self._rows:
            self._ends.setdefault(session_id, values)
        elif self._rows[session_id]["state"] == LIVE:
            self._rows[session_id].update(values)
        return self._soon()

    def _soon(self) -> Deferred[None]:
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        if self._reactor is None:
            self._write()
        elif self._timer is None and self._writing is None:
            self._timer = self._reactor.callLater(DELAY, self._write)
        return waiter

    def _write(self) -> None:
        """Write what waits; one transaction at a time, for threads do not keep order."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._writing is not None or not self._waiting:
            return
        rows, ends, waiting = list(self._rows.values()), self._ends, self._waiting
        self._rows, self._ends, self._waiting = {}, {}, []
        self._writing = self._database.write(lambda connection: _put(connection, rows, ends))
        self._writing.addBoth(self._written, waiting)

    def _written(self, result: Any, waiting: list[Deferred[None]]) -> None:
        self._writing = None
        for waiter in waiting:
            waiter.callback(result)
        if self._waiting and self._timer is None:
            self._write()

    async def settle(self) -> None:
        """Everything told so far is in the store, or was refused by it."""
        if not self._waiting and self._writing is None:
            return
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        self._write()
        await waiter

    def interrupted(self, session_ids: list[str]) -> Awaitable[None]:
        """Sessions an earlier process left live, as the recordings it did not finish tell at the start."""
        change = update(sessions).where(sessions.c.id.in_(session_ids), sessions.c.state == LIVE)
        values = {"ended": self._now(), "state": INTERRUPTED}
        return self._database.write(running(change.values(values)))

    async def get(self, session_id: str) -> SessionRow | None:
        """One session, or None."""
        await self.settle()
        query = select(sessions).where(sessions.c.id == session_id)
        return await self._database.read(lambda connection: _first(connection, query))

    async def list(
        self, principal_key: str | None = None, limit: int = 100, target: str = "", subject: str = ""
    ) -> list[SessionRow]:
        """The newest sessions, of one principal or (None) of everybody; `target` and `subject` select exactly."""
        query = select(sessions).order_by(sessions.c.started.desc(), sessions.c.id).limit(limit)
        if principal_key is not None:
            query = query.where(sessions.c.principal_key == principal_key)
        if target:
            query = query.where(sessions.c.target == target)
        if subject:
            query = query.where(sessions.c.subject == subject)
        await self.settle()
        return await self._database.read(lambda connection: [_row(found) for found in connection.execute(query)])


def _put(connection: Connection, rows: Rows, ends: dict[str, dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(sessions), rows)
    for session_id, values in ends.items():
        change = update(sessions).where(sessions.c.id == session_id, sessions.c.state == LIVE)
        connection.execute(change.values(values))


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
