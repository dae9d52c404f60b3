"""From a call to a page: which console there is, who asks, what is shown. Knows no HTTP library."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.logger import Logger

from twisted_hoop.console.agents import AgentPages
from twisted_hoop.console.archive import ArchivePages
from twisted_hoop.console.attempts import LIFETIME, Attempts
from twisted_hoop.console.door import Door
from twisted_hoop.console.estate import EstatePages
from twisted_hoop.console.inbox import InboxPages
from twisted_hoop.console.live import Live
from twisted_hoop.console.pages import PAGE_HEADERS, Pages, redirect
from twisted_hoop.console.place import Place
from twisted_hoop.console.renewal import Renewal
from twisted_hoop.console.routes import Room, find, is_page, make_routes
from twisted_hoop.console.saml import SamlPages
from twisted_hoop.console.saml_attempts import Handovers, SamlAttempts
from twisted_hoop.console.shared_visits import SharedVisits
from twisted_hoop.console.static import Static
from twisted_hoop.console.upkeep import UpkeepPages
from twisted_hoop.console.visits import Visit, Visits
from twisted_hoop.store.once import Once
from twisted_hoop.web.agents import Agents
from twisted_hoop.web.archive import Archive
from twisted_hoop.web.calls import Answer, Call, Push, Reply, named
from twisted_hoop.web.casts import Casts
from twisted_hoop.web.estate import Estate
from twisted_hoop.web.inbox import Inbox
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.problems import Problem, problem_of
from twisted_hoop.web.search import Search
from twisted_hoop.web.upkeep import Upkeep


class Console:
    """Answers calls from browsers. `key` is what log-ins are sealed with, see Attempts.

    `answer` never raises: what is not expected is logged, and told as no more.
    """

    _log = Logger()

    def __init__(self, parts: Parts, place: Place, reactor: Any, now: Callable[[], float], key: bytes = b"") -> None:
        self._place = place
        self._static = Static()
        self._pages = Pages(lambda: place.name, lambda visit: _rights(parts, visit), self._static.version, reactor)
        here = Visits(now, parts.identity.still_valid, lambda: place.terms)
        self.visits = SharedVisits(here, parts.database, now, parts.tell)
        people = (self.visits, Attempts(now, key), parts.identity, Renewal(parts.identity, now))
        once = Once(parts.database, now)

        def first(state: str) -> Awaitable[bool]:
            return once.first("log-in", state, now() + LIFETIME)

        def page(path: str) -> bool:
            return is_page(routes, path)

        def first_saml(what: str, until: float) -> Awaitable[bool]:
            return once.first("saml", what, until)

        self._door = Door(place, self._pages, *people, page, first)
        sealed = (SamlAttempts(now, key), Handovers(now, key))
        self._saml = SamlPages(place, self._pages, self.visits, sealed, parts.identity, page, first_saml, now)
        routes = make_routes(self._room(parts, reactor, now))
        self._routes = routes

    def _room(self, parts: Parts, reactor: Any, now: Callable[[], float]) -> Room:
        pages, place, archive = self._pages, self._place, Archive(parts, reactor)
        search, casts = Search(parts, archive), Casts(parts, archive, reactor)
        return Room(
            self._door,
            self._static,
            InboxPages(Inbox(parts), pages, place, now),
            ArchivePages(archive, search, casts, pages, place),
            EstatePages(Estate(parts), parts.ways, pages, place),
            AgentPages(Agents(parts), pages, place),
            UpkeepPages(Upkeep(parts), pages, place),
            Live(parts, self._door.goes_on),
            self._saml,
        )

    async def answer(self, call: Call) -> Answer:
        """The answer to one call."""
        visit = None
        try:
            self._check(call)
            if not self._place.is_here(call.header("host")):
                return self._elsewhere(call)
            visit = await self._door.visit_of(call)
            return await self._handle(call, visit)
        except Exception as fault:  # noqa: BLE001 - the boundary: one call's fault is never another's (R15)
            return self._refusal(call, visit, fault)

    def _check(self, call: Call) -> None:
        if not self._place.is_open():
            raise Problem(404, "this gateway has no console")
        if not (call.peer.encrypted or call.local):
            # I8: as the API: what proves somebody is not taken in the clear.
            raise Problem(403, "the console is not served in the clear: use TLS")

    def _elsewhere(self, call: Call) -> Reply:
        """Under another name of this machine nobody could log in, and another site could have rebound its own to us."""
        if call.method not in ("GET", "HEAD"):
            raise Problem(421, "this console has another name")
        find(self._routes, call.method, call.path)
        return redirect(self._place.url + call.path)

    async def _handle(self, call: Call, visit: Visit | None) -> Answer:
        page, ids = find(self._routes, call.method, call.path)
        if visit is None and not page.anybody:
            return self._door.to_login(call)
        answer: Answer = await page.handler(call, visit, **ids)
        if isinstance(answer, Push) and call.method == "HEAD":
            answer.left()
            answer = Reply(text=b"", media_type=answer.media_type)
        who = named(visit.principal) if visit else ""
        self._log.debug("{method} {path}", method=call.method, path=call.path, principal=who, request=call.request_id)
        return answer

    def _refusal(self, call: Call, visit: Visit | None, fault: Exception) -> Reply:
        problem = problem_of(fault)
        if problem is None:
            self._log.failure("{method} {path} failed", method=call.method, path=call.path, request=call.request_id)
            problem = Problem(500, "an internal error; the log has more")
        if call.header("hx-request"):
            return Reply(text=b"", status=problem.status, media_type="text/plain", headers=PAGE_HEADERS)
        return self._pages.show("problem.html", visit, problem.status, problem=problem, request_id=call.request_id)


def _rights(parts: Parts, visit: Visit) -> dict[str, bool]:
    audit, operate = parts.audits(visit.principal), parts.operates(visit.principal)
    return {"audit": audit, "operate": operate, "look": audit or operate}
