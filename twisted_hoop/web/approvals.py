"""Requests for approval over HTTP: who may see and decide them is the desk's business, not the URL's."""

from __future__ import annotations

from twisted_hoop.approval.desk import Desk
from twisted_hoop.model import Principal
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.views import ApprovalQuery, VoteBody, approval_view


class Approvals:
    """Handlers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/approvals?state=pending&limit=100, newest first."""
        query = call.options(ApprovalQuery)
        found = await self._desk.list(principal, query.states, query.limit)
        return Reply({"approvals": [approval_view(request, principal) for request in found]})

    async def show(self, call: Call, principal: Principal, ident: str) -> Reply:
        """GET /v1/approvals/{id}."""
        return Reply(approval_view(await self._desk.show(principal, ident), principal))

    async def approve(self, call: Call, principal: Principal, ident: str) -> Reply:
        """POST /v1/approvals/{id}/approve {"comment": …, "digest": …}."""
        return await self._decide(call, principal, ident, granted=True)

    async def deny(self, call: Call, principal: Principal, ident: str) -> Reply:
        """POST /v1/approvals/{id}/deny {"comment": …}."""
        return await self._decide(call, principal, ident, granted=False)

    async def _decide(self, call: Call, principal: Principal, ident: str, granted: bool) -> Reply:
        body = call.json(VoteBody)
        stored = await self._desk.decide(principal, ident, granted, body.comment, body.digest)
        return Reply(approval_view(stored, principal))
