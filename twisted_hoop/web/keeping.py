"""Retention and legal holds over HTTP: what is kept, what was deleted, and why. Operators change, auditors look."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from twisted_hoop.model import Principal
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.inputs import HoldBody, HoldsQuery, LiftHoldBody, RetentionBody
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem


class Keeping:
    """Handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def holds(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/holds: what must not be deleted, who said so and why; with `lifted` what was once held as well."""
        self._looks(principal)
        found = await self._parts.holds.all(call.options(HoldsQuery).lifted)
        return Reply({"holds": [asdict(each) for each in found]})

    async def hold(self, call: Call, principal: Principal) -> Reply:
        """POST /v1/holds: keep the recordings of a session, a principal or a target, for operators."""
        self._operates(principal)
        body = call.json(HoldBody)
        found = await self._parts.holds.add(body.kind, body.value, body.reason, principal.key)
        return Reply(asdict(found), status=201)

    async def lift(self, call: Call, principal: Principal, ident: str) -> Reply:
        """POST /v1/holds/{id}/lift: hold no longer, for operators; who lifted it and why stays in the list."""
        self._operates(principal)
        if not await self._parts.holds.lift(ident, call.json(LiftHoldBody).reason, principal.key):
            raise Problem(404, "there is no such hold, or it was lifted")
        return Reply({"lifted": True})

    async def retention(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/retention: the rules, and the reports of the last runs, for operators and auditors."""
        self._looks(principal)
        rules = [section.model_dump(mode="json") for section in self._parts.settings().retention]
        return Reply({"rules": rules, "runs": await self._parts.retention.runs()})

    async def report(self, call: Call, principal: Principal, ident: str) -> Reply:
        """GET /v1/retention/{id}: one run with the recordings it tells of, while it is at work as well."""
        self._looks(principal)
        found = await self._parts.retention.run(ident)
        if found is None:
            raise Problem(404, "there is no such run")
        return Reply(found)

    async def run(self, call: Call, principal: Principal) -> Reply:
        """POST /v1/retention/run: delete what is over, or with `dry` tell what that is, for operators."""
        self._operates(principal)
        report: dict[str, Any] = self._parts.retention.begin(principal.key, call.json(RetentionBody).dry)
        return Reply(report, status=202)

    def _looks(self, principal: Principal) -> None:
        if not (self._parts.audits(principal) or self._parts.operates(principal)):
            raise Problem(403, "how long recordings are kept is for operators and auditors to see")

    def _operates(self, principal: Principal) -> None:
        if not self._parts.operates(principal):
            raise Problem(403, "holding and deleting recordings is for operators")
