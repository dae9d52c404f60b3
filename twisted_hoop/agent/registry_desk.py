"""Agents as operators see them: who is there, who may join, who may no more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from twisted.logger import Logger

from twisted_hoop.agent.enrolment import Enrolment, JoinToken
from twisted_hoop.agent.registry import Registry
from twisted_hoop.identity.ssh_keys import parse_line
from twisted_hoop.model import Principal
from twisted_hoop.news.word import AGENTS
from twisted_hoop.settings import AgentSection, Settings
from twisted_hoop.store.agents import AgentRow, AgentTable, LinkRow


class AgentDesk:
    """See the module. Rights are checked by whoever calls. Every method may raise StoreUnavailable."""

    _log = Logger()

    def __init__(
        self,
        table: AgentTable,
        registry: Registry,
        enrolment: Enrolment,
        settings: Callable[[], Settings],
        tell: Callable[[str], None],
        now: Callable[[], float],
    ) -> None:
        self._table, self._registry, self._enrolment = table, registry, enrolment
        self._settings, self._tell, self._now = settings, tell, now

    def names(self) -> list[dict[str, Any]]:
        """The agents that are configured, as `web.shapes.AgentName`."""
        return [_named(each) for each in self._settings().agents]

    async def all(self) -> list[dict[str, Any]]:
        """Every installation, as `web.shapes.Agent`, those of one name together, the newest first."""
        links = self._registry.everywhere()
        return [_shown(row, links) for row in await self._table.all()]

    async def one(self, ident: str) -> dict[str, Any] | None:
        """One installation."""
        row = await self._table.find(ident)
        return None if row is None else _shown(row, self._registry.everywhere())

    async def revoke(self, by: Principal, ident: str, reason: str) -> dict[str, Any] | None:
        """Never again: its connections end everywhere within a second or two. None when there is no such agent."""
        if await self._table.find(ident) is None:
            return None
        self._registry.revoke(ident)
        await self._table.revoke(ident, by.key, reason, self._now())
        self._tell(AGENTS)
        self._log.info("agent {ident} is revoked by {by}: {why}", ident=ident, by=by.label, why=reason)
        return await self.one(ident)

    async def join_token(self, by: Principal, name: str, seconds: float) -> JoinToken:
        """A token with which one agent of that name may enrol, once. ValueError when there can be none."""
        made = await self._enrolment.join_token(name, seconds, by.key)
        self._log.info("a join token for agent {agent} was made by {by}", agent=name, by=by.label)
        return made


def _named(section: AgentSection) -> dict[str, Any]:
    return {"name": section.name, "join_tokens": section.join_tokens, "issuer": section.issuer}


def _shown(row: AgentRow, links: list[LinkRow]) -> dict[str, Any]:
    found = asdict(row)
    line = found.pop("public_key")
    mine = [each for each in links if each.ident == row.ident]
    return {
        **found,
        "fingerprint": parse_line(line).fingerprint if line else "",
        "connections": [
            {**asdict(each.report), "offered": list(each.report.offered), "replica": each.replica} for each in mine
        ],
    }
