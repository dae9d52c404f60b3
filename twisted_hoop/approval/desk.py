"""Where people look at requests and decide them. The API calls this; it trusts the principal it is given, no more."""

from __future__ import annotations

from collections.abc import Iterable

from twisted_hoop.approval import changes, ledger
from twisted_hoop.approval.ballots import Objection, Vote, may_see
from twisted_hoop.approval.ledger import Wanted
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import Request
from twisted_hoop.approval.shelf import Shelf
from twisted_hoop.approval.watch import Watch
from twisted_hoop.model import Principal
from twisted_hoop.store.database import Database
from twisted_hoop.store.owning import owns
from twisted_hoop.store.paging import Page


class Desk:
    """Reading and deciding requests on behalf of a principal that was authenticated for this very call."""

    def __init__(self, database: Database, shelf: Shelf, watch: Watch) -> None:
        self._database = database
        self._shelf = shelf
        self._watch = watch

    async def list(self, viewer: Principal, states: Iterable[State], limit: int = 100) -> list[Request]:
        """What the viewer asked for or may decide, newest first."""
        return list((await self.search(viewer, Wanted(frozenset(states)), limit)).items)

    async def search(self, viewer: Principal, wanted: Wanted, limit: int = 100, cursor: str = "") -> Page[Request]:
        """A page of that, or for auditors (`wanted.everything`) of all there are. Raises BadCursor."""
        now = self._shelf.now()
        return await self._database.read(lambda c: ledger.listing(c, viewer, wanted, now, limit, cursor))

    async def show(self, viewer: Principal, approval_id: str, everything: bool = False) -> Request:
        """One request; Objection "missing" when there is none that the viewer may see."""
        found = await self._shelf.fetch(approval_id)
        if found is None or not (everything or _concerns(viewer, found)):
            raise Objection("missing", "no such request")
        return found

    async def decide(
        self, voter: Principal, approval_id: str, granted: bool, comment: str = "", digest: str = ""
    ) -> Request:
        """Cast a vote; the request comes back as it then stands. Raises Objection. `digest`: what the voter saw."""
        vote = Vote(voter.key, voter.name or voter.subject, granted, comment, self._shelf.now())
        decided = await self._database.write(lambda c: changes.cast_vote(c, approval_id, voter, vote, digest))
        if decided.state is not State.PENDING:
            self._watch.changed(approval_id)
        self._shelf.told.tell("voted" if decided.state is State.PENDING else "", [decided])
        return decided

    async def take_back(self, principal: Principal, approval_id: str, operator: bool = False) -> Request:
        """End a request, pending or granted: its requester, who may decide it, or an operator. Raises Objection.

        What was granted to a session that runs it now runs on; nothing is admitted by it any more.
        """
        found = await self.show(principal, approval_id, operator)
        changed = await self._database.write(lambda c: changes.take_back(c, approval_id, self._shelf.now()))
        if not changed:
            raise Objection("decided", f"the request is {found.state.value} already")
        self._watch.changed(approval_id)
        self._shelf.told.tell("", changed)
        return changed[0]

    async def expire(self) -> None:
        """Write down what time has ended; who wants to know is told."""
        await self._shelf.expire()


def _concerns(viewer: Principal, request: Request) -> bool:
    return owns(viewer, request.principal_key, request.principal) or may_see(viewer, request.approvers)
