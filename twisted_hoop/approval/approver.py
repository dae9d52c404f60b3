"""The provider of IApprover over the store: files requests, finds usable approvals, ends what sessions leave behind.

`desk.py` is the other side, where people decide. Both share a Watch, so that a decision made in this process wakes
whoever waits at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from twisted_hoop.approval.digest import digest_of
from twisted_hoop.approval.pending import PendingApproval, approval_of
from twisted_hoop.approval.requests import Caps, make_request
from twisted_hoop.approval.shelf import Shelf
from twisted_hoop.approval.watch import Watch
from twisted_hoop.interfaces import IApprover
from twisted_hoop.model import Approval, Command, Decision, Session


@implementer(IApprover)
class Approver:
    """Approval over a Shelf. `reactor` keeps the timers; `caps` bound what one principal asks.

    `url` is the gateway's; `page` gives the address where a person can look at a request, the API's when left out.
    """

    _log = Logger()

    def __init__(
        self,
        shelf: Shelf,
        watch: Watch,
        reactor: Any,
        url: str,
        caps: Caps | None = None,
        page: Callable[[str], str] | None = None,
    ) -> None:
        self._shelf = shelf
        self._watch = watch
        self._reactor = reactor
        self._page = page or (lambda ident: f"{url.rstrip('/')}/v1/approvals/{ident}")
        self._caps = caps or Caps()
        self._waits: dict[str, list[PendingApproval]] = {}

    async def usable(self, session: Session, command: Command, decision: Decision) -> Approval | None:
        """See IApprover. The digest binds it to command, target, identity, policy and rule; the store to time (A4)."""
        self._waits.setdefault(session.id, [])
        taken = await self._shelf.take(session, digest_of(session, command, decision))
        return None if taken is None else approval_of(taken, granted=True)

    async def file(self, session: Session, command: Command, decision: Decision) -> PendingApproval:
        """See IApprover. LimitExceeded: 54000 when the command is too long to be shown whole, 53300 on a flood."""
        waits = self._waits.setdefault(session.id, [])
        request = make_request(session, command, decision, self._shelf.now(), self._caps)
        stored = await self._shelf.file(request, self._caps)
        pending = PendingApproval(stored, self._page(stored.id), session, self._shelf, self._watch, self._reactor)
        if decision.wait > 0:
            waits[:] = [*(other for other in waits if not other.over), pending]
        if self._waits.get(session.id) is not waits:
            # It ended while the store was still writing, and before it could see the request (A6).
            pending.release("the session ended")
            self._later(self._shelf.session_ended(session.id))
        return pending

    def ended(self, session: Session) -> None:
        """See IApprover. A session that never asked for an approval has none to end, and costs the store nothing."""
        asked = self._waits.pop(session.id, None)
        if asked is None:
            return
        for pending in asked:
            pending.release("the session ended")
        self._later(self._shelf.session_ended(session.id))

    def locked(self, principal_key: str) -> Deferred[None]:
        """The principal is locked: end everything of theirs, also what was granted for a retry (A6).

        Fires when the store has done it, also when it could not, which is logged.
        """
        return self._later(self._shelf.principal_ended(principal_key))

    def _later(self, work: Deferred[None]) -> Deferred[None]:
        # A use is consumed only for a live session, so what stays behind on a fault lets nothing through.
        return work.addErrback(lambda failure: self._log.failure("ending approvals failed", failure=failure))
