"""Follows what replicas share: grants of access, locks, orders to end sessions or to stop. And keeps the store tidy.

One look a second, and one at once when another replica says that there is something to see. What it learns holds in
this process from then on; without the store, grants run out soon, locks stay, and after a while nobody is let in any
more, for nobody knows who is locked out (fail closed).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
from twisted_hoop.store.replicas import draining
from twisted_hoop.store.retention import BATCH, purge
from twisted_hoop.store.sessions import live_elsewhere, ordered_ends

LOOK, SWEEP, TIDY = 1.0, 5.0, 600.0
"""Seconds between looks; between writing down what expired; between deletions of old rows."""
BLIND = 15.0
"""Seconds without a look that succeeded after which no session opens: a lock may have been missed (I9)."""
_ENDED = "57P01"


@dataclass(frozen=True, slots=True)
class Shared:
    """What one look sees."""

    grants: list[Grant]
    locks: list[LockRow]
    ends: dict[str, str]
    draining: str
    elsewhere: dict[tuple[tuple[str, ...], str], int]


class Follower:
    """See the module. `keep` (seconds, 0: for ever) is how long rows stay; `ident` is this replica's.

    `drained` is called, once, when this replica was asked to stop, with who asked and why.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        database: Database,
        shelf: Shelf,
        grants: Grants,
        locks: LockDesk,
        sessions: Sessions,
        ident: str,
        keep: float,
        drained: Callable[[str], None] = lambda why: None,
    ) -> None:
        self._reactor, self._database, self._shelf, self._grants, self._locks = reactor, database, shelf, grants, locks
        self._sessions, self._ident, self._keep = sessions, ident, keep
        self._drained, self._draining = drained, False
        self._seen = reactor.seconds()
        self._looking: Deferred[None] | None = None
        self._again = False
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

    @property
    def blind(self) -> bool:
        """Whether the store was not seen for so long that nobody knows who is locked out."""
        return bool(self._reactor.seconds() - self._seen > BLIND)

    async def look(self) -> None:
        """One round. Raises StoreUnavailable."""
        now, changes = self._shelf.now(), self._locks.changes
        capped = self._sessions.capped
        found = await self._database.read(lambda connection: _shared(connection, now, self._ident, capped))
        self._seen = self._reactor.seconds()
        self._grants.replace(found.grants, now)
        self._locks.follow(found.locks, changes)
        self._sessions.elsewhere = found.elsewhere
        for session_id, reason in found.ends.items():
            live = self._sessions.find(session_id)
            if live is not None:
                live.handle.end(_ENDED, f"hoop: {reason}")
        if found.draining and not self._draining:
            self._draining = True
            self._drained(found.draining)

    def look_soon(self) -> None:
        """There is something to see: look at once, and once more when a look is under way that may have missed it."""
        if self._looking is not None:
            self._again = True
            return
        self._looking = self._guarded(self.look)
        self._looking.addCallback(self._done)

    def _done(self, _: None) -> None:
        again, self._again, self._looking = self._again, False, None
        if again:
            self.look_soon()

    async def _sweep(self) -> None:
        await self._shelf.expire()

    async def _tidy(self) -> None:
        gone = BATCH if self._keep else 0
        while gone >= BATCH:
            gone = await self._database.write(lambda c: purge(c, self._shelf.now(), self._keep))

    def _heard(self, event: str, request: Request) -> None:
        """Somebody was let in, or is not any more: look now."""
        if request.for_access and event in ("granted", "ended", "expired"):
            self.look_soon()

    def _guarded(self, work: Callable[[], Any]) -> Deferred[None]:
        """A round that fails is told of, and the next one comes."""
        return Deferred.fromCoroutine(work()).addErrback(self._failed)

    def _failed(self, failure: Any) -> None:
        if failure.check(StoreUnavailable):
            self._log.warn("the store cannot be followed: {fault}", fault=str(failure.value))
        else:
            self._log.failure("following the store failed", failure=failure)


def _shared(connection: Connection, now: float, ident: str, capped: bool) -> Shared:
    """Blocks. Sessions elsewhere are counted where there are caps they count for."""
    elsewhere = live_elsewhere(connection, ident) if capped else {}
    seen = (granted(connection, now), holding(connection, now), ordered_ends(connection))
    return Shared(*seen, draining(connection, ident), elsewhere)
