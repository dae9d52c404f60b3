"""The approvals in the store, as sessions use them: each method is one transaction in the store's threads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from sqlalchemy import Connection, select
from twisted.internet.defer import Deferred, succeed

from twisted_hoop.approval import changes, ledger
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import Caps, Request
from twisted_hoop.model import Principal, Session
from twisted_hoop.store.database import Database
from twisted_hoop.store.tables import approvals


class Shelf:
    """Approvals in a Database. `now` gives POSIX time; `still_valid` is the identity provider's (A6).

    Every Awaitable may fail with StoreUnavailable.
    """

    def __init__(self, database: Database, now: Callable[[], float], still_valid: Callable[[Principal], bool]) -> None:
        self._database = database
        self._still_valid = still_valid
        self.now = now

    def file(self, request: Request, caps: Caps) -> Awaitable[Request]:
        """Store it, or join the identical pending one; LimitExceeded on a flood."""
        return self._database.write(lambda connection: ledger.file(connection, request, caps))

    def fetch(self, approval_id: str) -> Awaitable[Request | None]:
        """As it stands now."""
        return self._database.read(lambda connection: ledger.fetch(connection, approval_id, self.now()))

    def take(self, session: Session, digest: str) -> Awaitable[Request | None]:
        """Consume one use for the session, or None: also when its principal is locked or expired (A6)."""
        if not self._still_valid(session.principal):
            return succeed(None)
        key = session.principal.key
        return self._database.write(lambda c: changes.consume(c, digest, session.id, key, self.now()))

    def withdraw(self, approval_id: str, session_id: str) -> Deferred[None]:
        """The session waits for it no more."""
        return self._database.write(lambda connection: changes.withdraw(connection, approval_id, session_id))

    def session_ended(self, session_id: str) -> Deferred[None]:
        """See `changes.session_ended`."""
        return self._database.write(lambda connection: changes.session_ended(connection, session_id))

    def principal_ended(self, principal_key: str) -> Deferred[None]:
        """See `changes.principal_ended`."""
        return self._database.write(lambda connection: changes.principal_ended(connection, principal_key))

    def decided(self, approval_ids: list[str]) -> Awaitable[Iterable[str]]:
        """Which of them are pending no more."""
        return self._database.read(lambda connection: _decided(connection, approval_ids))


def _decided(connection: Connection, approval_ids: list[str]) -> list[str]:
    query = select(approvals.c.id).where(approvals.c.id.in_(approval_ids), approvals.c.state != State.PENDING.value)
    return list(connection.scalars(query))
