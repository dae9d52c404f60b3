"""The index of sessions: who used what, from when to when. What they did is in the recordings, not here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, func, or_, select, update
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_hoop.model import Outcome, Principal, Session
from twisted_hoop.store.codec import dumps, principal_data
from twisted_hoop.store.database import Database, running
from twisted_hoop.store.owning import owned, parties_of
from twisted_hoop.store.paging import Page, newest_first, page_of
from twisted_hoop.store.session_rows import INTERRUPTED, LIVE, Ends, Rows, put, put_again
from twisted_hoop.store.tables import sessions

DELAY = 0.2  # seconds
AGAIN = 2.0
"""Seconds until what the store did not take is given to it once more."""
KEPT = 100_000
"""Sessions that wait for a store, at most. None open while it does not answer for long, so this is not reached."""


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


@dataclass(frozen=True, slots=True)
class SessionSearch:
    """What is looked for; "" and None mean anything. `who` is a part of a name or subject, in any case.

    `state` is "live", "closed" or an outcome's code; `since` and `until` bound the time it began (POSIX), `until` not
    included. `viewer` is who may see only what is theirs (`owning`).
    """

    principal_key: str | None = None
    target: str = ""
    subject: str = ""
    who: str = ""
    protocol: str = ""
    state: str = ""
    since: float | None = None
    until: float | None = None
    viewer: Principal | None = None


class SessionIndex:
    """Sessions in the store. Every method answers with an Awaitable that may fail with StoreUnavailable.

    With a reactor, what happens within `DELAY` is written in one transaction: short sessions cost one row, once.
    Readers see it all the same. What a store that is away does not take is kept, in order, and written when it is back.
    `replica` is whose sessions these are.
    """

    log = Logger()

    def __init__(self, database: Database, now: Callable[[], float], reactor: Any = None, replica: str = "") -> None:
        self._database = database
        self._replica = replica
        self._now = now
        self._reactor = reactor
        self._rows: dict[str, dict[str, Any]] = {}
        self._ends: Ends = {}
        self._failed = False
        self._waiting: list[Deferred[None]] = []
        self._writing: Deferred[Any] | None = None
        self._timer: Any = None

    def opened(self, session: Session) -> Deferred[None]:
        """A session began."""
        self._rows[session.id] = _values(session, self._replica)
        return self._soon()

    def closed(self, session_id: str, outcome: Outcome, commands: int) -> Deferred[None]:
        """It is over; the first outcome stays."""
        values = {"ended": self._now(), "state": outcome.code[:16], "commands": commands}
        if session_id not in self._rows:
            self._ends.setdefault(session_id, values)
        elif self._rows[session_id]["state"] == LIVE:
            self._rows[session_id].update(values)
        return self._soon()

    def unwritten(self) -> int:
        """How many sessions the store has not taken yet."""
        return len(self._rows) + len(self._ends)

    def _soon(self) -> Deferred[None]:
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        if self._reactor is None:
            self._write()
        else:
            self._later(AGAIN if self._failed else DELAY)
        return waiter

    def _later(self, delay: float) -> None:
        if self._timer is None and self._writing is None and self._reactor is not None:
            self._timer = self._reactor.callLater(delay, self._write)

    def _write(self) -> None:
        """Write what waits; one transaction at a time, for threads do not keep order."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        if self._writing is not None or not (self._waiting or self.unwritten()):
            return
        rows, ends, waiting = self._rows, self._ends, self._waiting
        self._rows, self._ends, self._waiting = {}, {}, []
        # An answer that was lost may have been a yes: the second time, each row is looked for first.
        work = put_again if self._failed else put
        self._writing = self._database.write(lambda connection: work(connection, list(rows.values()), ends))
        self._writing.addCallbacks(
            self._written, self._kept, callbackArgs=(waiting,), errbackArgs=(rows, ends, waiting)
        )

    def _written(self, refused: list[str], waiting: list[Deferred[None]]) -> None:
        if refused:
            self.log.error(
                "the store refuses the rows of sessions {refused}: they are not in the index", refused=refused
            )
        self._writing, self._failed = None, False
        for waiter in waiting:
            waiter.callback(None)
        if self._waiting and self._timer is None:
            self._write()

    def _kept(
        self, failure: Failure, rows: dict[str, dict[str, Any]], ends: Ends, waiting: list[Deferred[None]]
    ) -> None:
        """The store is away: what it did not take goes before what came since."""
        self._writing, self._failed = None, True
        for session_id in [one for one in self._ends if one in rows]:
            rows[session_id].update(self._ends.pop(session_id))
        self._rows = {**rows, **self._rows}
        self._ends = {**self._ends, **ends}
        while len(self._rows) > KEPT:
            self.log.error(
                "session {one} is not in the index: too many wait", one=self._rows.pop(next(iter(self._rows)))
            )
        for waiter in waiting:
            waiter.errback(failure)
        if self._reactor is None and self._waiting:
            self._write()
        self._later(AGAIN)

    async def settle(self) -> None:
        """Everything told so far is in the store, or was refused by it; StoreUnavailable when it is away."""
        if not self._waiting and self._writing is None and not self.unwritten():
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
        found = await self.search(SessionSearch(principal_key, target, subject), limit)
        return list(found.items)

    async def search(self, wanted: SessionSearch, limit: int = 100, cursor: str = "") -> Page[SessionRow]:
        """A page of what is looked for, newest first. Raises BadCursor."""
        query = newest_first(_looking_for(wanted), sessions.c.started, sessions.c.id, cursor, limit)
        await self.settle()
        rows = await self._database.read(lambda connection: [_row(found) for found in connection.execute(query)])
        return page_of(rows, limit, lambda row: (row.started, row.id))

    async def order_end(self, session_id: str, reason: str) -> bool:
        """Have it ended by the replica it lives at, which follows these orders; False when no such session lives."""
        await self.settle()
        change = update(sessions).where(sessions.c.id == session_id, sessions.c.state == LIVE)
        return await self._database.write(lambda c: c.execute(change.values(ending=reason)).rowcount > 0)


def live_elsewhere(connection: Connection, replica: str) -> dict[tuple[tuple[str, ...], str], int]:
    """How many sessions live at other replicas than this one, by (`owning.parties_of`, target)."""
    c = sessions.c
    theirs = (c.state == LIVE) & (c.replica != replica) & (c.replica != "")
    by = (c.principal_json, c.target)
    found: Counter[tuple[tuple[str, ...], str]] = Counter()
    for principal, target, count in connection.execute(select(*by, func.count()).where(theirs).group_by(*by)):
        found[parties_of(json.loads(principal)), target] += int(count)
    return dict(found)


def ordered_ends(connection: Connection) -> dict[str, str]:
    """Live sessions that somebody wants ended: id to reason."""
    query = select(sessions.c.id, sessions.c.ending).where(sessions.c.state == LIVE, sessions.c.ending != "")
    return {found.id: found.ending for found in connection.execute(query)}


def changed_since(connection: Connection, since: float, limit: int) -> Rows:
    """What began or ended at `since` (POSIX) or later, oldest first, as (id, state, at …) for watchers."""
    c = sessions.c
    wanted = (c.id, c.principal_key, c.principal_json, c.label, c.target, c.protocol, c.state, c.started, c.ended)
    query = select(*wanted).where(or_(c.started >= since, c.ended >= since)).order_by(c.started).limit(limit)
    return [dict(found._mapping) for found in connection.execute(query)]


def _looking_for(wanted: SessionSearch) -> Select[Any]:
    c, query = sessions.c, select(sessions)
    for column in ("principal_key", "target", "subject", "protocol"):
        value = getattr(wanted, column)
        if value:
            query = query.where(c[column] == value)
    if wanted.viewer is not None:
        query = query.where(owned(sessions, wanted.viewer))
    if wanted.who:
        query = query.where(c.label.contains(_printable(wanted.who), autoescape=True))
    if wanted.state == "closed":
        query = query.where(c.state != LIVE)
    elif wanted.state:
        query = query.where(c.state == wanted.state)
    if wanted.since is not None:
        query = query.where(c.started >= wanted.since)
    return query if wanted.until is None else query.where(c.started < wanted.until)


def _values(session: Session, replica: str) -> dict[str, Any]:
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
        "label": _printable(f"{session.principal.label} {session.principal.subject}"),
        "ending": "",
        "replica": replica,
    }


def _printable(text: str) -> str:
    """Fit for every database's text and for looking up in any case."""
    return "".join(char for char in text.lower() if char.isprintable())


def _first(connection: Connection, query: Select[Any]) -> SessionRow | None:
    found = connection.execute(query).first()
    return None if found is None else _row(found)


def _row(found: Row[Any]) -> SessionRow:
    data = dict(found._mapping)
    data["principal"] = json.loads(data.pop("principal_json"))
    del data["label"], data["ending"], data["replica"]
    return SessionRow(**data)
