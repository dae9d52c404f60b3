"""The gateway itself over HTTP: configuration, "may I?", health, locks, deliveries, events."""

from __future__ import annotations

from twisted_hoop.model import Principal
from twisted_hoop.web.calls import Call, Push, Reply
from twisted_hoop.web.estate import Estate
from twisted_hoop.web.feed import Feed
from twisted_hoop.web.inputs import (
    DeliveriesQuery,
    DrainBody,
    EventsQuery,
    ExplainBody,
    LiftBody,
    LockBody,
    NoQuery,
)
from twisted_hoop.web.parts import Parts

TOPICS = frozenset({"approvals", "sessions"})


class Operations:
    """Handlers."""

    def __init__(self, parts: Parts, estate: Estate) -> None:
        self._parts = parts
        self._estate = estate
        self._feed: Feed = parts.feed

    async def configuration(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/configuration: targets, rules and masks as loaded, for auditors and operators."""
        return Reply(self._estate.configuration(principal))

    async def explain(self, call: Call, principal: Principal) -> Reply:
        """POST /v1/explain: what the rules would say to a command, and why. Nothing is run."""
        return Reply(self._estate.explain(principal, call.json(ExplainBody)))

    async def health(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/health: listeners, issuers, store, recorder, channels and replicas, for operators and auditors."""
        return Reply(await self._estate.health(principal))

    async def locks(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/locks: who and what is shut out, for operators and auditors."""
        return Reply(await self._estate.locks(principal))

    async def lock(self, call: Call, principal: Principal) -> Reply:
        """POST /v1/locks: shut somebody or something out, for operators; live sessions end."""
        return Reply(await self._estate.lock(principal, call.json(LockBody)), status=201)

    async def lift(self, call: Call, principal: Principal) -> Reply:
        """POST /v1/locks/lift: let in again, for operators."""
        body = call.json(LiftBody)
        return Reply(await self._estate.lift(principal, body.kind, body.value))

    async def replicas(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/replicas: the processes that share the store and live, for operators and auditors."""
        return Reply(await self._estate.replicas(principal))

    async def drain(self, call: Call, principal: Principal, ident: str) -> Reply:
        """POST /v1/replicas/{id}/drain: have one stop once what runs there is over, for operators."""
        return Reply(await self._estate.drain(principal, ident, call.json(DrainBody).reason), status=202)

    async def deliveries(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/deliveries: notices and what became of them, dead letters too, for operators."""
        return call.page(await self._estate.deliveries(principal, call.options(DeliveriesQuery)))

    async def deliver_again(self, call: Call, principal: Principal, ident: str) -> Reply:
        """POST /v1/deliveries/{id}/retry: try a dead letter again, for operators."""
        call.json(NoQuery)
        return Reply(await self._estate.deliver_again(principal, ident))

    async def events(self, call: Call, principal: Principal) -> Push:
        """GET /v1/events: changes of requests and sessions as server-sent events, as far as one may see them."""
        wanted = call.options(EventsQuery).topics
        topics = TOPICS if wanted == "all" else frozenset({wanted})
        watcher = self._feed.watch(principal, topics, self._parts.audits(principal))
        return Push(watcher, lambda: self._feed.leave(watcher))
