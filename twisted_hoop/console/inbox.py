"""Requests for approval and for access as pages. Who may see and decide what, the desk says; this shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from twisted_hoop.approval.ballots import Objection
from twisted_hoop.console.forms import asked, form_of, options
from twisted_hoop.console.pages import Pages, redirect
from twisted_hoop.console.place import Place
from twisted_hoop.console.visits import Visit
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.inbox import Inbox
from twisted_hoop.web.inputs import AccessBody
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.views import ApprovalQuery

SHOWN = 50
_LATELY = 8
_MAX_COMMENT = 2000
_HOUR = 3600.0


class InboxPages:
    """Handlers. `now` is the store's clock, by which deadlines are counted down."""

    def __init__(self, inbox: Inbox, pages: Pages, place: Place, now: Callable[[], float]) -> None:
        self._inbox = inbox
        self._pages = pages
        self._place = place
        self._now = now

    async def page(self, call: Call, visit: Visit) -> Reply:
        """GET /approvals: what waits for a decision, and what was decided lately."""
        done = asked(call, "done")
        decided = await self._inbox.approval(visit.principal, done) if done else None
        page = await self._inbox.approvals(visit.principal, ApprovalQuery(state="all", limit=SHOWN))
        past = [each for each in page["approvals"] if each["state"] != "pending"][:_LATELY]
        return await self._pages.drawn("inbox.html", visit, decided=decided, past=past, **await self._pending(visit))

    async def part(self, call: Call, visit: Visit) -> Reply:
        """GET /approvals/list: the pending ones alone, for a page that is open."""
        return await self._pages.drawn("pending.html", visit, decided=None, **await self._pending(visit))

    async def _pending(self, visit: Visit) -> dict[str, Any]:
        page = await self._inbox.approvals(visit.principal, ApprovalQuery(state="pending", limit=SHOWN))
        return {"pending": page["approvals"], "more": bool(page["next"]), "now": self._now()}

    async def past(self, call: Call, visit: Visit) -> Reply:
        """GET /approvals/past?state=…&target=…: all there are, page by page."""
        query = options(call, ApprovalQuery, {"state": "all", "limit": SHOWN})
        page = await self._inbox.approvals(visit.principal, query)
        return await self._pages.drawn("past.html", visit, past=page["approvals"], next=page["next"], query=query)

    async def show(self, call: Call, visit: Visit, ident: str) -> Reply:
        """GET /approvals/{id}: everything there is to know about one."""
        return self._whole(visit, await self._inbox.approval(visit.principal, ident))

    def _whole(self, visit: Visit, view: dict[str, Any], status: int = 200, why: str = "") -> Reply:
        return self._pages.show("approval.html", visit, status, request=view, now=self._now(), why=why)

    async def decide(self, call: Call, visit: Visit, ident: str) -> Reply:
        """POST /approvals/{id}/decide: `decision`, `comment`, and the `digest` of what was looked at (A3)."""
        form = form_of(call, visit, self._place.origin)
        decision, comment = form.get("decision"), form.get("comment", "").strip()
        digest = form.get("digest", "")
        if decision not in ("approve", "deny") or len(comment) > _MAX_COMMENT or not digest:
            raise Problem(400, "the form is not one of ours, or the comment is too long")
        why = ""
        try:
            await self._inbox.decide(visit.principal, ident, decision == "approve", comment, digest)
        except Objection as fault:
            if fault.code == "missing":
                raise
            why = str(fault)
        if call.header("hx-request"):
            decided = await self._inbox.approval(visit.principal, ident)
            return await self._pages.drawn(
                "pending.html", visit, decided=decided, why=why, **await self._pending(visit)
            )
        if why:
            return self._whole(visit, await self._inbox.approval(visit.principal, ident), 409, why)
        return redirect(f"/approvals?done={ident}")

    async def take_back(self, call: Call, visit: Visit, ident: str) -> Reply:
        """POST /approvals/{id}/take-back: end a request, pending or granted."""
        form_of(call, visit, self._place.origin)
        try:
            await self._inbox.take_back(visit.principal, ident)
        except Objection as fault:
            if fault.code == "missing":
                raise
            return self._whole(visit, await self._inbox.approval(visit.principal, ident), 409, str(fault))
        return redirect(f"/approvals/{ident}")

    async def access(self, call: Call, visit: Visit) -> Reply:
        """GET /access: targets one was let in to for a while, and those one may ask for."""
        found = await self._inbox.access(visit.principal)
        return self._pages.show("access.html", visit, now=self._now(), why="", **found)

    async def ask(self, call: Call, visit: Visit) -> Reply:
        """POST /access: ask for a target, for some hours."""
        form = form_of(call, visit, self._place.origin)
        try:
            body = AccessBody(
                target=form.get("target", ""),
                seconds=float(form.get("hours", "")) * _HOUR,
                reason=form.get("reason", "").strip(),
            )
        except (ValidationError, ValueError):
            raise Problem(400, "the form is not one of ours, or the reason is too long") from None
        request = await self._inbox.ask(visit.principal, body)
        return redirect(f"/approvals/{request['id']}")
