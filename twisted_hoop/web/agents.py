"""Agents over HTTP, and as values for the console: who is there, who may join, who may no more.

Operators change, auditors look.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from twisted_hoop.agent.registry_desk import AgentDesk
from twisted_hoop.model import Principal
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.inputs import JoinTokenBody, RevokeBody
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem


class Agents:
    """The values. Rights are checked here."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    @property
    def _desk(self) -> AgentDesk:
        if self._parts.agents is None:
            raise Problem(404, "this gateway has no agents")
        return self._parts.agents

    async def all(self, principal: Principal) -> dict[str, Any]:
        """What is configured and every installation: a `shapes.Agents`, for operators and auditors."""
        self._looks(principal)
        return {"names": self._desk.names(), "agents": await self._desk.all()}

    async def one(self, principal: Principal, ident: str) -> dict[str, Any]:
        """One installation: a `shapes.Agent`, for operators and auditors."""
        self._looks(principal)
        return _there(await self._desk.one(ident))

    async def revoke(self, principal: Principal, ident: str, reason: str) -> dict[str, Any]:
        """Never again, for operators: a `shapes.Agent`. Its connections end everywhere within a second or two."""
        self._operates(principal, "revoking agents")
        return _there(await self._desk.revoke(principal, ident, reason))

    async def join_token(self, principal: Principal, name: str, seconds: float) -> dict[str, Any]:
        """A token to enrol with, once, for operators: a `shapes.JoinToken`. It is not shown again."""
        self._operates(principal, "letting agents join")
        try:
            return asdict(await self._desk.join_token(principal, name, seconds))
        except ValueError as fault:
            raise Problem(409, str(fault)) from None

    def _looks(self, principal: Principal) -> None:
        if not (self._parts.operates(principal) or self._parts.audits(principal)):
            raise Problem(403, "agents are for operators and auditors to see")

    def _operates(self, principal: Principal, what: str) -> None:
        if not self._parts.operates(principal):
            raise Problem(403, f"{what} is for operators")


def _there(found: dict[str, Any] | None) -> dict[str, Any]:
    if found is None:
        raise Problem(404, "there is no such agent")
    return found


class AgentCalls:
    """Handlers."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents

    async def list(self, call: Call, principal: Principal) -> Reply:
        """GET /v1/agents: the agents that are configured, every installation, and where they are connected."""
        return Reply(await self._agents.all(principal))

    async def show(self, call: Call, principal: Principal, ident: str) -> Reply:
        """GET /v1/agents/{id}: one installation."""
        return Reply(await self._agents.one(principal, ident))

    async def revoke(self, call: Call, principal: Principal, ident: str) -> Reply:
        """POST /v1/agents/{id}/revoke: let it in no more, for operators; its connections end everywhere."""
        return Reply(await self._agents.revoke(principal, ident, call.json(RevokeBody).reason))

    async def token(self, call: Call, principal: Principal) -> Reply:
        """POST /v1/agents/tokens: a token with which one agent may enrol, once, for operators."""
        body = call.json(JoinTokenBody)
        found = await self._agents.join_token(principal, body.name, body.seconds)
        return Reply(found, status=201, headers={"Cache-Control": "no-store"})
