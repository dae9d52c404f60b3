"""Follows what replicas share: grants of access, locks, orders to end sessions. And keeps the store tidy.

One look a second. What it learns holds in this process from then on; without the store, grants run out soon and locks
stay (fail closed).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_hoop.approval.grants import Grant, Grants, granted
from twisted_hoop.approval.requests import Request
from twisted_hoop.approval.shelf import Shelf
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.locking import LockDesk
from twisted_hoop.sessions import Sessions
from twisted_hoop.store.database import Database
from twisted_hoop.store.locks import LockRow, holding
from twisted_hoop.store.replicas import Replica, Replicas
from twisted_hoop.store.retention import BATCH, purge
from twisted_hoop.store.sessions import ordered_ends

LOOK, SWEEP, TIDY = 1.0, 5.0, 600.0
"""Seconds between looks; between writing down what expired and saying that we live; between deletions of old rows."""
_ENDED = "57P01"

Shared = tuple[list[Grant], list[LockRow], dict[str, str]]


class Follower:
    """See the module. `keep` (seconds, 0: for ever) is how long rows stay; `replica` tells how this process is."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        database: Database,
        shelf: Shelf,
        grants: Grants,
        locks: LockDesk,
        sessions: Sessions,
        replica: Callable[[], Replica],
        keep: float,
    ) -> None:
        self._database, self._shelf, self._grants, self._locks = database, shelf, grants, locks
        self._sessions, self._replica, self._keep = sessions, replica, keep
        self._replicas = Replicas(database)
        self._loops = [(LoopingCall(self._guarded, work), every) for work, every in self._rounds()]
        for loop, _ in self._loops:
            loop.clock = reactor
        shelf.told.listen(self._heard)

    def _rounds(self) -> tuple[tuple[Callable[[], Any], float], ...]:
        return (self.look, LOOK), (self._sweep, SWEEP), (self._tidy, TIDY)

    async def start(self) -> None:
        """The first look, so that no lock is forgotten by a restart, and then one a second. Raises StoreUnavailable."""
        await self.look()
        for loop, every in self._loops:
            loop.start(every, now=every == SWEEP).addErrback(self._failed)

    async def stop(self) -> None:
        """No more."""
        for loop, _ in self._loops:
            if loop.running:
                loop.stop()
        try:
            await self._replicas.gone(self._replica().id)
        except StoreUnavailable as fault:
            self._log.warn("the other replicas could not be told: {fault}", fault=str(fault))

    async def look(self) -> None:
        """One round. Raises StoreUnavailable."""
        now, changes = self._shelf.now(), self._locks.changes
        grants, locks, ends = await self._database.read(lambda connection: _shared(connection, now))
        self._grants.replace(grants, now)
        self._locks.follow(locks, changes)
        for session_id, reason in ends.items():
            live = self._sessions.find(session_id)
            if live is not None:
                live.handle.end(_ENDED, f"hoop: {reason}")

    async def _sweep(self) -> None:
        await self._shelf.expire()
        await self._replicas.here(self._replica())

    async def _tidy(self) -> None:
        gone = BATCH if self._keep else 0
        while gone >= BATCH:
            gone = await self._database.write(lambda c: purge(c, self._shelf.now(), self._keep))

    def _heard(self, event: str, request: Request) -> None:
        """Somebody was let in, or is not any more: look now."""
        if request.for_access and event in ("granted", "ended", "expired"):
            self._guarded(self.look)

    def _guarded(self, work: Callable[[], Any]) -> Deferred[None]:
        """A round that fails is told of, and the next one comes."""
        return Deferred.fromCoroutine(work()).addErrback(self._failed)

    def _failed(self, failure: Any) -> None:
        if failure.check(StoreUnavailable):
            self._log.warn("the store cannot be followed: {fault}", fault=str(failure.value))
        else:
            self._log.failure("following the store failed", failure=failure)


def _shared(connection: Connection, now: float) -> Shared:
    """Blocks."""
    return granted(connection, now), holding(connection, now), ordered_ends(connection)
