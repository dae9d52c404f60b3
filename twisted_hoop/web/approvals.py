"""Requests for approval and for access over HTTP: who may see and decide them is the desk's business, not the URL's."""

from __future__ import annotations

from twisted_hoop.model import Principal
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.inbox import Inbox
from twisted_hoop.web.inputs import AccessBody, NoQuery
from twisted_hoop.web.views import ApprovalQuery, VoteBody


class Approvals:
    """Handlers."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    async def list(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/approvals: those one asked for or may decide, newest first."""
        return call.page(await self._inbox.approvals(principal, call.options(ApprovalQuery)))

    async def show(self, call: Call, principal: Principal, ident: str) -> Reply:
        """GET /v1/approvals/{id}: one request, with its whole text."""
        return Reply(await self._inbox.approval(principal, ident))

    async def approve(self, call: Call, principal: Principal, ident: str) -> Reply:
        """POST /v1/approvals/{id}/approve: say yes; the request as it then stands."""
        return await self._decide(call, principal, ident, granted=True)

    async def deny(self, call: Call, principal: Principal, ident: str) -> Reply:
        """POST /v1/approvals/{id}/deny: say no, which ends it."""
        return await self._decide(call, principal, ident, granted=False)

    async def _decide(self, call: Call, principal: Principal, ident: str, granted: bool) -> Reply:
        body = call.json(VoteBody)
        return Reply(await self._inbox.decide(principal, ident, granted, body.comment, body.digest))

    async def take_back(self, call: Call, principal: Principal, ident: str) -> Reply:
        """POST /v1/approvals/{id}/end: withdraw a request, or end what was granted."""
        call.json(NoQuery)
        return Reply(await self._inbox.take_back(principal, ident))

    async def access(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/access: what one was let in to for a while, and what one may ask for."""
        return Reply(await self._inbox.access(principal))

    async def ask(self, call: Call, principal: Principal) -> Reply:
        """POST /v1/access: ask to open a target for a while; the request that people decide."""
        return Reply(await self._inbox.ask(principal, call.json(AccessBody)), status=202)
