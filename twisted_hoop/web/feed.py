"""What happens, for those who watch: changes of requests and sessions, of this replica and of others.

One look at the store a second serves all watchers, and none is taken while nobody watches. An event is written out
once, whoever gets it; a watcher's queue is bounded, and one who falls behind is told to read anew.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_hoop.approval import ledger
from twisted_hoop.approval.ballots import may_see
from twisted_hoop.approval.requests import Request
from twisted_hoop.errors import LimitExceeded, StoreUnavailable
from twisted_hoop.model import Principal
from twisted_hoop.store import sessions
from twisted_hoop.store.database import Database
from twisted_hoop.store.owning import owns

LOOK = 1.0  # seconds between two looks at the store
OVERLAP = 5.0  # seconds looked back at: clocks of replicas differ, and transactions end late
HEARTBEAT = 15.0
QUEUE = 200  # events a watcher may be behind
BATCH = 1000  # changes of one look
WATCHERS, OF_ONE = 2000, 20
_BEAT = b": well\n\n"
_RESET = b"event: reset\ndata: {}\n\n"


@dataclass(frozen=True, slots=True)
class Event:
    """One change. `topic` is approvals or sessions; `data` is as it goes over the wire; who may see it is below."""

    topic: str
    key: tuple[str, str, str]
    data: bytes
    owner: str
    principal: Mapping[str, Any]
    groups: frozenset[str]

    def visible_to(self, watcher: Watcher) -> bool:
        """One's own (`owning`), what one may decide, or for auditors everything."""
        who = watcher.principal
        return watcher.auditor or owns(who, self.owner, self.principal) or may_see(who, self.groups)


@dataclass(slots=True, eq=False)
class Watcher:
    """Somebody who watches. `take` gives what there is; `more` fires once there is something, or it is `over`."""

    principal: Principal
    topics: frozenset[str]
    auditor: bool
    over: bool = False
    _queue: deque[bytes] = field(default_factory=deque)
    _waiting: Deferred[None] | None = None

    def put(self, data: bytes) -> None:
        """Queue it; when there is too much, one word stands for all that was lost."""
        if len(self._queue) >= QUEUE:
            self._queue.clear()
            data = _RESET
        self._queue.append(data)
        self._wake()

    def beat(self) -> None:
        """A sign of life, for those who heard nothing."""
        if not self._queue:
            self.put(_BEAT)

    def end(self) -> None:
        """No more comes."""
        self.over = True
        self._wake()

    def take(self) -> bytes:
        """What is queued."""
        data = b"".join(self._queue)
        self._queue.clear()
        return data

    def more(self) -> Deferred[None]:
        """Fires when `take` has something, or nothing will come any more."""
        waiting: Deferred[None] = Deferred()
        if self._queue or self.over:
            waiting.callback(None)
        else:
            self._waiting = waiting
        return waiting

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


class Feed:
    """See the module. `now` gives POSIX time; `still_valid` is the identity provider's: a lock ends watching (I9)."""

    _log = Logger()

    def __init__(
        self,
        database: Database,
        index: sessions.SessionIndex,
        reactor: Any,
        now: Callable[[], float],
        still_valid: Callable[[Principal], bool],
    ) -> None:
        self._database, self._index = database, index
        self._reactor, self._now, self._still_valid = reactor, now, still_valid
        self._watchers: set[Watcher] = set()
        self._seen: dict[tuple[str, str, str], float] = {}
        self._since = self._begun = 0.0
        self._looks = LoopingCall(self._look)
        self._beats = LoopingCall(self._beat)
        self._looks.clock = self._beats.clock = reactor
        self._nudged: Any = None

    def __len__(self) -> int:
        return len(self._watchers)

    def watch(self, principal: Principal, topics: Iterable[str], auditor: bool) -> Watcher:
        """Begin; give it to `leave` at the end. LimitExceeded when there are too many."""
        # An agent that watches does not take the places of whom it acts for.
        who = (principal.key, principal.chain)
        mine = sum(1 for each in self._watchers if (each.principal.key, each.principal.chain) == who)
        if len(self._watchers) >= WATCHERS or mine >= OF_ONE:
            raise LimitExceeded("too many watch already")
        watcher = Watcher(principal, frozenset(topics), auditor)
        if not self._watchers:
            self._begun = self._since = self._now()
            self._seen = {}
            for loop, seconds in ((self._looks, LOOK), (self._beats, HEARTBEAT)):
                started = loop.start(seconds, now=False)
                started.addErrback(lambda failure: self._log.failure("watching stopped", failure=failure))
        self._watchers.add(watcher)
        watcher.put(b"retry: 3000\n\n")
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """It is gone."""
        watcher.end()
        self._watchers.discard(watcher)
        if not self._watchers and self._looks.running:
            self._looks.stop()
            self._beats.stop()

    def stop(self) -> None:
        """End all."""
        for watcher in list(self._watchers):
            self.leave(watcher)
        if self._nudged is not None and self._nudged.active():
            self._nudged.cancel()

    def nudge(self, *_: object) -> None:
        """Something changed in this process: look soon, and once for all that changes meanwhile."""
        if self._watchers and (self._nudged is None or not self._nudged.active()):
            self._nudged = self._reactor.callLater(0.05, self._looked)

    def _looked(self) -> None:
        self._look().addErrback(lambda failure: self._log.failure("looking for changes failed", failure=failure))

    def _look(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self._look_now())

    async def _look_now(self) -> None:
        # What changed before anybody watched is no news.
        now, since = self._now(), max(self._begun, self._since - OVERLAP)
        try:
            await self._index.settle()
            found = await self._database.read(lambda connection: _changes(connection, since, now))
        except StoreUnavailable as fault:
            self._log.warn("the store cannot be asked what changed: {fault}", fault=str(fault))
            return
        self._since = max(self._since, now)
        for event in found:
            if event.key not in self._seen:
                self._tell(event)
            self._seen[event.key] = now
        self._seen = {key: at for key, at in self._seen.items() if now - at < 4 * OVERLAP}

    def _tell(self, event: Event) -> None:
        for watcher in self._watchers:
            if event.topic in watcher.topics and event.visible_to(watcher):
                watcher.put(event.data)

    def _beat(self) -> None:
        for watcher in list(self._watchers):
            if self._still_valid(watcher.principal):
                watcher.beat()
            else:
                self.leave(watcher)


def _changes(connection: Connection, since: float, now: float) -> list[Event]:
    """Blocks."""
    found = [_of_request(request) for request in ledger.changed_since(connection, since, now, BATCH)]
    return found + [_of_session(row) for row in sessions.changed_since(connection, since, BATCH)]


def _of_request(request: Request) -> Event:
    votes = [{"by": vote.key, "granted": vote.granted} for vote in request.votes]
    data = {
        "id": request.id,
        "state": request.state.value,
        "action": request.action,
        "target": request.target,
        "rule": request.rule,
        "principal": request.principal_key,
        "created": request.created,
        "deadline": request.deadline,
        "votes": votes,
        "uses_left": request.uses_left,
    }
    key = ("approval", request.id, f"{request.state.value} {len(votes)} {request.uses_left}")
    return Event("approvals", key, _wire("approval", data), request.principal_key, request.principal, request.approvers)


def _of_session(row: dict[str, Any]) -> Event:
    live = row["ended"] is None
    data = {
        "id": row["id"],
        "state": "live" if live else "closed",
        "outcome": "" if live else row["state"],
        "target": row["target"],
        "protocol": row["protocol"],
        "principal": row["principal_key"],
        "started": row["started"],
        "ended": row["ended"],
    }
    key, who = ("session", row["id"], row["state"]), json.loads(row["principal_json"])
    return Event("sessions", key, _wire("session", data), row["principal_key"], who, _NONE)


_NONE: frozenset[str] = frozenset()


def _wire(kind: str, data: dict[str, Any]) -> bytes:
    """One event in the form of the HTML standard, section 9.2; ASCII JSON holds no line break."""
    return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode("ascii")
