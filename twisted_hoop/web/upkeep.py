"""Holds and retention as values, for the API and the console. Operators change, auditors look."""

from __future__ import annotations

from typing import Any

from twisted_hoop.archive.holds import Hold
from twisted_hoop.model import Principal
from twisted_hoop.web.inputs import HoldBody, LiftHoldBody, RetentionBody
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem


class Upkeep:
    """The values. Rights are checked here (R2); every method may raise a Problem."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def holds(self, principal: Principal, lifted: bool) -> list[Hold]:
        """What must not be deleted, newest first; with `lifted` what was once held as well."""
        self._looks(principal)
        return await self._parts.holds.all(lifted)

    async def hold(self, principal: Principal, body: HoldBody) -> Hold:
        """Keep the recordings of a session, a principal or a target, for operators."""
        self._operates(principal)
        return await self._parts.holds.add(body.kind, body.value, body.reason, principal.key)

    async def lift(self, principal: Principal, ident: str, body: LiftHoldBody) -> None:
        """Hold no longer, for operators; 404 for what does not hold."""
        self._operates(principal)
        if not await self._parts.holds.lift(ident, body.reason, principal.key):
            raise Problem(404, "there is no such hold, or it was lifted")

    async def retention(self, principal: Principal) -> dict[str, Any]:
        """The rules, and the reports of the last runs: a `shapes.Retention`."""
        self._looks(principal)
        rules = [section.model_dump(mode="json") for section in self._parts.settings().retention]
        return {"rules": rules, "runs": await self._parts.retention.runs()}

    async def report(self, principal: Principal, ident: str) -> dict[str, Any]:
        """One run with the recordings it tells of, while it is at work as well: a `shapes.RetentionRun`."""
        self._looks(principal)
        found = await self._parts.retention.run(ident)
        if found is None:
            raise Problem(404, "there is no such run")
        return found

    def run(self, principal: Principal, body: RetentionBody) -> dict[str, Any]:
        """Begin to delete what is over, or with `dry` to tell what that is, for operators: the report so far."""
        self._operates(principal)
        report: dict[str, Any] = self._parts.retention.begin(principal.key, body.dry)
        return report

    def begun(self, ident: str) -> bool:
        """Whether this run is at work in this process, although the store may not know it yet."""
        return self._parts.retention.at_work == ident

    def _looks(self, principal: Principal) -> None:
        if not (self._parts.audits(principal) or self._parts.operates(principal)):
            raise Problem(403, "how long recordings are kept is for operators and auditors to see")

    def _operates(self, principal: Principal) -> None:
        if not self._parts.operates(principal):
            raise Problem(403, "holding and deleting recordings is for operators")
