"""Requests for approval as pages. Who may see and decide what is the desk's business; this shows what it says."""

from __future__ import annotations

from typing import Any

from twisted_hoop.approval.ballots import Objection
from twisted_hoop.approval.desk import Desk
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.console.forms import asked, form_of
from twisted_hoop.console.pages import Pages, redirect
from twisted_hoop.console.place import Place
from twisted_hoop.console.visits import Visit
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.views import approval_view

SHOWN = 50
_LATELY = 8
_MAX_COMMENT = 2000
_PAST = frozenset(State) - {State.PENDING}


class Inbox:
    """Handlers. `now` is the store's clock, by which deadlines are counted down."""

    def __init__(self, desk: Desk, pages: Pages, place: Place, now: Any) -> None:
        self._desk = desk
        self._pages = pages
        self._place = place
        self._now = now

    async def page(self, call: Call, visit: Visit) -> Reply:
        """GET /approvals: what waits for a decision, and what was decided lately."""
        done = asked(call, "done")
        decided = await self._one(visit, done) if done else None
        past = await self._desk.list(visit.principal, _PAST, _LATELY)
        views = [approval_view(request, visit.principal) for request in past]
        return self._pages.show("inbox.html", visit, decided=decided, past=views, **await self._pending(visit))

    async def part(self, call: Call, visit: Visit) -> Reply:
        """GET /approvals/list: the pending ones alone, for a page that is open."""
        return self._pages.show("pending.html", visit, decided=None, **await self._pending(visit))

    async def _pending(self, visit: Visit) -> dict[str, Any]:
        found = await self._desk.list(visit.principal, (State.PENDING,), SHOWN + 1)
        views = [approval_view(request, visit.principal) for request in found[:SHOWN]]
        return {"pending": views, "more": len(found) > SHOWN, "now": self._now()}

    async def show(self, call: Call, visit: Visit, ident: str) -> Reply:
        """GET /approvals/{id}: everything there is to know about one."""
        return self._whole(visit, await self._one(visit, ident))

    def _whole(self, visit: Visit, view: dict[str, Any], status: int = 200, why: str = "") -> Reply:
        return self._pages.show("approval.html", visit, status, request=view, now=self._now(), why=why)

    async def _one(self, visit: Visit, ident: str) -> dict[str, Any]:
        return approval_view(await self._desk.show(visit.principal, ident), visit.principal)

    async def decide(self, call: Call, visit: Visit, ident: str) -> Reply:
        """POST /approvals/{id}/decide: `decision`, `comment`, and the `digest` of what was looked at (A3)."""
        form = form_of(call, visit, self._place.origin)
        decision, comment = form.get("decision"), form.get("comment", "").strip()
        digest = form.get("digest", "")
        if decision not in ("approve", "deny") or len(comment) > _MAX_COMMENT or not digest:
            raise Problem(400, "the form is not one of ours, or the comment is too long")
        why = ""
        try:
            await self._desk.decide(visit.principal, ident, decision == "approve", comment, digest)
        except Objection as fault:
            if fault.code == "missing":
                raise
            why = str(fault)
        if call.header("hx-request"):
            decided = await self._one(visit, ident)
            return self._pages.show("pending.html", visit, decided=decided, why=why, **await self._pending(visit))
        if why:
            return self._whole(visit, await self._one(visit, ident), 409, why)
        return redirect(f"/approvals?done={ident}")
