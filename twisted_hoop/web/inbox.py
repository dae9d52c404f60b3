"""Requests for approval and for access as values: what the API answers and the console shows."""

from __future__ import annotations

from typing import Any

from twisted_hoop.model import Principal
from twisted_hoop.web.inputs import AccessBody
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.views import ApprovalQuery, approval_view


class Inbox:
    """Who may see and decide what is the desk's business; auditors see all there is."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def approvals(self, principal: Principal, query: ApprovalQuery) -> dict[str, Any]:
        """A page of requests, newest first: a `shapes.Approvals`."""
        if query.scope == "all" and not self._parts.audits(principal):
            raise Problem(403, "everybody's requests are for auditors")
        page = await self._parts.desk.search(principal, query.wanted, query.limit, query.cursor)
        return {"approvals": [approval_view(request, principal) for request in page.items], "next": page.next}

    async def approval(self, principal: Principal, ident: str) -> dict[str, Any]:
        """One request: a `shapes.Approval`."""
        return approval_view(await self._parts.desk.show(principal, ident, self._parts.audits(principal)), principal)

    async def decide(
        self, principal: Principal, ident: str, granted: bool, comment: str = "", digest: str = ""
    ) -> dict[str, Any]:
        """Cast a vote. `digest`: what the voter looked at (A3)."""
        return approval_view(await self._parts.desk.decide(principal, ident, granted, comment, digest), principal)

    async def take_back(self, principal: Principal, ident: str) -> dict[str, Any]:
        """End a request, pending or granted: its requester, its approvers, operators."""
        operator = self._parts.operates(principal)
        return approval_view(await self._parts.desk.take_back(principal, ident, operator), principal)

    async def access(self, principal: Principal) -> dict[str, Any]:
        """What the principal was let in to, and what it may ask for: a `shapes.Access`."""
        offers = [
            {
                "target": section.name,
                "protocol": section.protocol,
                "longest": section.request_longest,
                "approvers": sorted(section.request_approvers),
                "approvals": section.request_approvals,
                "reason_needed": section.request_reason,
            }
            for section in self._parts.access.offers(principal)
        ]
        held = await self._parts.access.held(principal)
        return {"grants": [{"id": g.id, "target": g.target, "until": g.until} for g in held], "offers": offers}

    async def ask(self, principal: Principal, body: AccessBody) -> dict[str, Any]:
        """Ask for access: the request, a `shapes.Approval`."""
        version = self._parts.policy().version
        request = await self._parts.access.ask(principal, body.target, body.seconds, body.reason, version)
        return approval_view(request, principal)
