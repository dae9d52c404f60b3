"""The gateway itself: is it well, what does it count, who am I."""

from __future__ import annotations

from typing import Any

from twisted.internet.threads import deferToThreadPool

from twisted_hoop.model import Principal
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class Basics:
    """Handlers; `reactor` lends the threads metrics are rendered in."""

    def __init__(self, parts: Parts, reactor: Any) -> None:
        self._parts = parts
        self._reactor = reactor

    async def health(self, call: Call, principal: Principal | None) -> Reply:
        """GET /healthz: whether the gateway can decide anything, which it cannot without its store."""
        await self._parts.database.ping()
        return Reply({"status": "ok"})

    async def ready(self, call: Call, principal: Principal | None) -> Reply:
        """GET /readyz: whether clients should be sent here: 503 while it starts, stops, or cannot record."""
        problems = await self._parts.unready()
        status = "ready" if not problems else "not ready"
        # What is wrong is for operators; anybody learns that something is.
        return Reply({"status": status, "problems": problems if call.local else []}, status=503 if problems else 200)

    async def metrics(self, call: Call, principal: Principal | None) -> Reply:
        """GET /metrics: for anybody on this machine, for operators elsewhere."""
        if not call.local and not (principal and self._parts.operates(principal)):
            raise Problem(403, "metrics are for operators")
        text = await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._parts.metrics)
        return Reply(text=text, media_type=PROMETHEUS)

    async def whoami(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/whoami: what the token proves."""
        chain = [{"issuer": actor.issuer, "subject": actor.subject} for actor in principal.chain]
        return Reply(
            {
                "issuer": principal.issuer,
                "subject": principal.subject,
                "name": principal.name,
                "kind": principal.kind.value,
                "groups": sorted(principal.groups),
                "chain": chain,
                "targets": None if principal.targets is None else sorted(principal.targets),
                "expires": principal.expires,
                "approver": bool(principal.groups & self._parts.approver_groups()),
                "auditor": self._parts.audits(principal),
                "operator": self._parts.operates(principal),
            }
        )
