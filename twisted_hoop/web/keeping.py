"""Retention and legal holds over HTTP: what is kept, what was deleted, and why. Operators change, auditors look."""

from __future__ import annotations

from dataclasses import asdict

from twisted_hoop.model import Principal
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.inputs import HoldBody, HoldsQuery, LiftHoldBody, RetentionBody
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.upkeep import Upkeep


class Keeping:
    """Handlers."""

    def __init__(self, parts: Parts) -> None:
        self._upkeep = Upkeep(parts)

    async def holds(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/holds: what must not be deleted, who said so and why; with `lifted` what was once held as well."""
        found = await self._upkeep.holds(principal, call.options(HoldsQuery).lifted)
        return Reply({"holds": [asdict(each) for each in found]})

    async def hold(self, call: Call, principal: Principal) -> Reply:
        """POST /v1/holds: keep the recordings of a session, a principal or a target, for operators."""
        return Reply(asdict(await self._upkeep.hold(principal, call.json(HoldBody))), status=201)

    async def lift(self, call: Call, principal: Principal, ident: str) -> Reply:
        """POST /v1/holds/{id}/lift: hold no longer, for operators; who lifted it and why stays in the list."""
        await self._upkeep.lift(principal, ident, call.json(LiftHoldBody))
        return Reply({"lifted": True})

    async def retention(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/retention: the rules, and the reports of the last runs, for operators and auditors."""
        return Reply(await self._upkeep.retention(principal))

    async def report(self, call: Call, principal: Principal, ident: str) -> Reply:
        """GET /v1/retention/{id}: one run with the recordings it tells of, while it is at work as well."""
        return Reply(await self._upkeep.report(principal, ident))

    async def run(self, call: Call, principal: Principal) -> Reply:
        """POST /v1/retention/run: delete what is over, or with `dry` tell what that is, for operators."""
        return Reply(self._upkeep.run(principal, call.json(RetentionBody)), status=202)
