"""The gateway itself as values: what is configured, what the rules would say, how it is, who is locked out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from twisted_hoop.model import Actor, Kind, Principal, Target
from twisted_hoop.news.word import DRAIN
from twisted_hoop.rehearsal.rehearsing import rehearse
from twisted_hoop.settings import TargetSection
from twisted_hoop.store.replicas import Replicas
from twisted_hoop.targets import target_of_section
from twisted_hoop.web.inputs import DeliveriesQuery, ExplainBody, LockBody
from twisted_hoop.web.inputs import Principal as Imagined
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem

_TARGET_KEYS = (
    "name", "protocol", "endpoint", "database", "databases", "login", "logins", "tls", "groups", "labels", "read_only",
    "request_groups", "request_approvers", "request_approvals", "request_longest", "exec_only",
)  # fmt: skip
"""What may be shown of a target: never its secret, keys or the files they are in (R11)."""


class Estate:
    """See the module. Rights are checked here."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def looks(self, principal: Principal) -> bool:
        """Whether the principal may see the configuration: auditors and operators."""
        return self._parts.audits(principal) or self._parts.operates(principal)

    def configuration(self, principal: Principal) -> dict[str, Any]:
        """Targets, rules and masks as loaded: a `shapes.Configuration`."""
        if not self.looks(principal):
            raise Problem(403, "the configuration is for auditors and operators")
        settings = self._parts.settings()
        return {
            "policy": self._parts.policy().version,
            "targets": [_shown_target(section) for section in settings.targets],
            "rules": [rule.model_dump(mode="json", exclude_defaults=True) for rule in settings.rules],
            "masks": [mask.model_dump(mode="json", exclude_defaults=True) for mask in settings.masks],
        }

    def explain(self, principal: Principal, body: ExplainBody) -> dict[str, Any]:
        """What the rules would say to a command: a `shapes.Explanation`. About others: auditors and operators."""
        if body.principal is not None and not self.looks(principal):
            raise Problem(403, "what others may do is for auditors and operators to ask")
        settings = self._parts.settings()
        section = next((each for each in settings.targets if each.name == body.target), None)
        whom = principal if body.principal is None else _imagined(body.principal, settings.gateway.name)
        target = None if section is None else target_of_section(section)
        if target is None or not (self.looks(principal) or self._opens(principal, target)):
            raise Problem(404, "no such target, or not one that opens to you")
        return self._explained(whom, target, body.command)

    def _opens(self, principal: Principal, target: Target) -> bool:
        return self._parts.policy().authorize(principal, target).effect.value == "allow"

    def _explained(self, whom: Principal, target: Target, command: str) -> dict[str, Any]:
        rules = self._parts.policy()
        try:
            return rehearse(rules, whom, target, command).told(rules.version)
        except ValueError as fault:
            raise Problem(422, str(fault)) from None

    async def health(self, principal: Principal) -> dict[str, Any]:
        """How the parts are: a `shapes.Health`, for operators and auditors."""
        if not self.looks(principal):
            raise Problem(403, "the gateway's health is for operators and auditors")
        return await self._parts.health()

    async def locks(self, principal: Principal) -> dict[str, Any]:
        """The locks that hold: a `shapes.Locks`, for operators and auditors."""
        if not self.looks(principal):
            raise Problem(403, "locks are for operators and auditors to see")
        return {"locks": [asdict(row) for row in await self._parts.locks.all()]}

    async def lock(self, principal: Principal, body: LockBody) -> dict[str, Any]:
        """Shut out, for operators: a `shapes.Lock`."""
        self._operator(principal, "locking")
        if body.kind == "principal" and body.value in principal.everybody:
            raise Problem(409, "this would lock you out yourself")
        return asdict(await self._parts.locks.lock(principal, body.kind, body.value, body.seconds, body.reason))

    async def lift(self, principal: Principal, kind: str, value: str) -> dict[str, Any]:
        """Let in again, for operators: a `shapes.Lifted`."""
        self._operator(principal, "unlocking")
        return {"lifted": await self._parts.locks.lift(kind, value)}

    async def replicas(self, principal: Principal) -> dict[str, Any]:
        """The processes that share the store and live: a `shapes.Replicas`, for operators and auditors."""
        if not self.looks(principal):
            raise Problem(403, "replicas are for operators and auditors to see")
        return {"replicas": [asdict(each) for each in await Replicas(self._parts.database).all()]}

    async def drain(self, principal: Principal, ident: str, reason: str) -> dict[str, Any]:
        """Have a replica stop once what runs there is over, for operators: a `shapes.Drained`."""
        self._operator(principal, "draining")
        why = f"{principal.label}: {reason}" if reason else principal.label
        if not await Replicas(self._parts.database).drain(ident, why):
            raise Problem(404, "no such replica lives")
        self._parts.tell(DRAIN, ident)
        return {"draining": ident}

    async def deliveries(self, principal: Principal, query: DeliveriesQuery) -> dict[str, Any]:
        """Notices and what became of them: a `shapes.Deliveries`, for operators."""
        self._operator(principal, "the list of deliveries")
        page = await self._parts.deliveries.search(query.state, query.limit, query.cursor)
        return {"deliveries": [row.shown() for row in page.items], "next": page.next}

    async def deliver_again(self, principal: Principal, ident: str) -> dict[str, Any]:
        """Try a dead letter again, for operators: a `shapes.Delivery`."""
        self._operator(principal, "sending again")
        row = await self._parts.deliveries.revive(ident)
        if row is None:
            raise Problem(409, "there is no such dead letter")
        return row.shown()

    def _operator(self, principal: Principal, what: str) -> None:
        if not self._parts.operates(principal):
            raise Problem(403, f"{what} is for operators")


def _shown_target(section: TargetSection) -> dict[str, Any]:
    whole = section.model_dump(mode="json")
    return {name: whole[name] for name in _TARGET_KEYS if whole[name] not in ("", [], {})}


def _imagined(given: Imagined, gateway: str) -> Principal:
    issuer = given.issuer or gateway
    chain = tuple(Actor(issuer, actor) for actor in given.actors)
    return Principal(issuer, given.subject, groups=frozenset(given.groups), kind=Kind(given.kind), chain=chain)
