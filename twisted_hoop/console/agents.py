"""Agents as a page: who is connected where, and a button that shuts one out. Who may do what, `web.agents` says."""

from __future__ import annotations

from twisted_hoop.console.forms import form_of
from twisted_hoop.console.pages import Pages, redirect
from twisted_hoop.console.place import Place
from twisted_hoop.console.visits import Visit
from twisted_hoop.web.agents import Agents
from twisted_hoop.web.calls import Call, Reply
from twisted_hoop.web.problems import Problem


class AgentPages:
    """Handlers. `now` is in the page, so that it can tell what has ended."""

    def __init__(self, agents: Agents, pages: Pages, place: Place) -> None:
        self._agents = agents
        self._pages = pages
        self._place = place

    async def page(self, call: Call, visit: Visit) -> Reply:
        """GET /agents: every installation, connected or not."""
        found = await self._agents.all(visit.principal)
        known = {agent["name"] for agent in found["agents"]}
        absent = [each["name"] for each in found["names"] if each["name"] not in known]
        return self._pages.show("agents.html", visit, agents=found["agents"], absent=absent)

    async def revoke(self, call: Call, visit: Visit, ident: str) -> Reply:
        """POST /agents/{id}/revoke: for operators; it is let in no more, and its connections end."""
        form = form_of(call, visit, self._place.origin)
        reason = form.get("reason", "").strip()
        if len(reason) > 500 or not reason.isprintable():
            raise Problem(400, "the reason is too long")
        await self._agents.revoke(visit.principal, ident, reason)
        return redirect("/agents")
