"""The approvals in the store, as sessions use them: each method is one transaction in the store's threads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from sqlalchemy import Connection, select
from twisted.internet.defer import Deferred, succeed

from twisted_hoop.approval import changes, ledger
from twisted_hoop.approval.grants import Grant, granted
from twisted_hoop.approval.lifecycle import Event, State
from twisted_hoop.approval.requests import Caps, Request
from twisted_hoop.approval.told import Told
from twisted_hoop.model import Principal, Session
from twisted_hoop.store.database import Database
from twisted_hoop.store.tables import approvals


class Shelf:
    """Approvals in a Database. `now` gives POSIX time; `still_valid` is the identity provider's (A6).

    Every Awaitable may fail with StoreUnavailable. `told` hears of every change that is made through here.
    """

    def __init__(self, database: Database, now: Callable[[], float], still_valid: Callable[[Principal], bool]) -> None:
        self._database = database
        self._still_valid = still_valid
        self.now = now
        self.told = Told()

    async def file(self, request: Request, caps: Caps) -> Request:
        """Store it, or join the identical pending one; LimitExceeded on a flood."""
        filed = await self._database.write(lambda connection: ledger.file(connection, request, caps))
        self.told.tell("", filed.expired)
        if filed.new:
            self.told.tell("requested", [filed.request])
        return filed.request

    def fetch(self, approval_id: str) -> Awaitable[Request | None]:
        """As it stands now."""
        return self._database.read(lambda connection: ledger.fetch(connection, approval_id, self.now()))

    def take(self, session: Session, digest: str) -> Awaitable[Request | None]:
        """Consume one use for the session, or None: also when its principal is locked or expired (A6)."""
        if not self._still_valid(session.principal):
            return succeed(None)
        key = session.principal.key
        work = self._database.write(lambda c: changes.consume(c, digest, session.id, key, self.now()))
        return work.addCallback(self._taken)

    def withdraw(self, approval_id: str, session_id: str) -> Deferred[None]:
        """The session waits for it no more."""
        return self._change(lambda c: changes.withdraw(c, approval_id, session_id, self.now()))

    def session_ended(self, session_id: str) -> Deferred[None]:
        """See `changes.session_ended`."""
        return self._change(lambda c: changes.session_ended(c, session_id, self.now()))

    def interrupted(self, session_ids: Iterable[str]) -> Deferred[None]:
        """A gateway that was killed left these sessions behind: nothing of theirs waits or was granted any more."""
        ids = list(session_ids)
        return self._change(lambda connection: self.interrupting(connection, ids))

    def interrupting(self, connection: Connection, session_ids: Iterable[str]) -> list[Request]:
        """`interrupted` as part of somebody else's transaction; what changed is for `told`, after it. Blocks."""
        return [
            request
            for session_id in session_ids
            for request in changes.session_ended(connection, session_id, self.now(), Event.INTERRUPT)
        ]

    def principal_ended(self, principal_key: str) -> Deferred[None]:
        """See `changes.principal_ended`."""
        return self._change(lambda c: changes.principal_ended(c, principal_key, self.now()))

    def expire(self) -> Deferred[None]:
        """Write down what time has ended, so that those who want to know are told."""
        return self._change(lambda connection: ledger.expire(connection, self.now()))

    def grants(self) -> Awaitable[list[Grant]]:
        """The requests for access that were granted and hold."""
        return self._database.read(lambda connection: granted(connection, self.now()))

    def decided(self, approval_ids: list[str]) -> Awaitable[Iterable[str]]:
        """Which of them are pending no more."""
        return self._database.read(lambda connection: _decided(connection, approval_ids))

    def _change(self, work: Callable[[Connection], list[Request]]) -> Deferred[None]:
        return self._database.write(work).addCallback(lambda changed: self.told.tell("", changed))

    def _taken(self, taken: Request | None) -> Request | None:
        self.told.tell("used", [taken] if taken is not None else [])
        return taken


def _decided(connection: Connection, approval_ids: list[str]) -> list[str]:
    query = select(approvals.c.id).where(approvals.c.id.in_(approval_ids), approvals.c.state != State.PENDING.value)
    return list(connection.scalars(query))
