"""A filed request that a session waits for."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import Request
from twisted_hoop.approval.shelf import Shelf
from twisted_hoop.approval.shown import visible
from twisted_hoop.approval.watch import Watch
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.interfaces import IPendingApproval
from twisted_hoop.model import Approval, ApprovalRequest, Session


@implementer(IPendingApproval)
class PendingApproval:
    """One session's wait for one request. Fails closed: without the store's word there is no approval."""

    _log = Logger()

    def __init__(self, stored: Request, url: str, session: Session, shelf: Shelf, watch: Watch, reactor: Any) -> None:
        self.request = ApprovalRequest(stored.id, url, stored.digest, stored.deadline)
        self._stored = stored
        self._session = session
        self._shelf = shelf
        self._watch = watch
        self._reactor = reactor
        self._withdrawn = ""
        self._change: Deferred[None] | None = None
        self.over = False

    def withdraw(self, reason: str) -> None:
        """See IPendingApproval."""
        if not self._withdrawn:
            self.release(reason)
            self._shelf.withdraw(self._stored.id, self._session.id).addErrback(self._failed)

    def release(self, reason: str) -> None:
        """End the wait as withdrawn without touching the store."""
        self._withdrawn = self._withdrawn or reason or "withdrawn"
        self._wake()

    async def wait(self) -> Approval:
        """See IPendingApproval."""
        left = max(0.0, self._stored.deadline - self._shelf.now())
        # The deadline is in the store too: this only makes sure that somebody looks when it comes.
        timer = self._reactor.callLater(left, self._wake)
        try:
            return await self._settled()
        finally:
            self.over = True
            if timer.active():
                timer.cancel()

    async def _settled(self) -> Approval:
        while not self._withdrawn:
            # Watching starts before looking: what happens between the two still wakes.
            self._change = self._watch.change_of(self._stored.id)
            standing = await self._standing()
            if standing.state is not State.PENDING:
                self._wake()
                return await self._ended(standing)
            await self._change
        return self._refused(State.WITHDRAWN)

    async def _standing(self) -> Request:
        """The request now; without the store, expired once its time is up and pending until then."""
        try:
            found = await self._shelf.fetch(self._stored.id)
        except StoreUnavailable as fault:
            self._log.warn("the store cannot be asked about {id}: {fault}", id=self._stored.id, fault=str(fault))
            found = None
        return found or self._stored.at(self._shelf.now())

    async def _ended(self, standing: Request) -> Approval:
        if standing.state is not State.GRANTED:
            return approval_of(standing, granted=False)
        taken = await self._taken(standing)
        if self._withdrawn:
            return self._refused(State.WITHDRAWN)
        # None: another session that shared it was faster, or the principal was locked meanwhile.
        return self._refused(State.USED) if taken is None else approval_of(taken, granted=True)

    async def _taken(self, standing: Request) -> Request | None:
        if self._withdrawn:
            return None
        try:
            return await self._shelf.take(self._session, standing.digest)
        except StoreUnavailable as fault:
            self._log.warn("approval {id} could not be used: {fault}", id=standing.id, fault=str(fault))
            return None

    def _refused(self, state: State) -> Approval:
        return Approval(self._stored.id, False, state.value, self._stored.digest, comment=self._withdrawn)

    def _wake(self) -> None:
        if self._change is not None:
            self._watch.release(self._stored.id, self._change)

    def _failed(self, failure: Any) -> None:
        # The row stays pending until its deadline; nothing that was withdrawn here is run any more.
        self._log.failure("withdrawing {id} failed", failure=failure, id=self._stored.id)


def approval_of(request: Request, granted: bool) -> Approval:
    """What the gate is told. `state` is "granted" for one that was taken, though the store may say "used" by now."""
    voters = tuple(vote for vote in request.votes if vote.granted is granted)
    # What approvers write ends up in the requester's terminal (R6).
    comment = visible("; ".join(vote.comment for vote in voters if vote.comment))
    state = State.GRANTED if granted else request.state
    labels = tuple(visible(vote.label) for vote in voters)
    return Approval(request.id, granted, state.value, request.digest, labels, comment, request.until)
