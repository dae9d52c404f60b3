"""Logging in and out. The issuer proves who somebody is; what it says goes through the one door (I8)."""

from __future__ import annotations

import urllib.parse
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.logger import Logger

from twisted_hoop.console.attempts import Attempt, Attempts
from twisted_hoop.console.cookies import read_cookie, set_cookie
from twisted_hoop.console.forms import asked, back_path, form_of
from twisted_hoop.console.openid import OpenId
from twisted_hoop.console.pages import Pages, redirect
from twisted_hoop.console.place import Place
from twisted_hoop.console.renewal import Renewal
from twisted_hoop.console.shared_visits import SharedVisits
from twisted_hoop.console.visits import Visit
from twisted_hoop.errors import AuthenticationFailed, IssuerUnavailable
from twisted_hoop.web.calls import Call, Reply, named

_STALE = "this log-in was begun in another browser, or too long ago"
_LONGEST = 4096  # characters of a parameter of an issuer's answer


class Door:
    """Handlers. `identity` is the provider in force; `is_page` says whether a path shows a page.

    `first` says, once for all replicas, whether a log-in is finished for the first time (I7).
    """

    _log = Logger()

    def __init__(
        self,
        place: Place,
        pages: Pages,
        visits: SharedVisits,
        attempts: Attempts,
        identity: Any,
        renewal: Renewal,
        is_page: Callable[[str], bool],
        first: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._place = place
        self._pages = pages
        self._shared, self._visits = visits, visits.here
        self._attempts = attempts
        self._identity = identity
        self._renewal = renewal
        self._is_page = is_page
        self._first = first

    async def visit_of(self, call: Call) -> Visit | None:
        """Who asks, by the cookie; None for nobody. What an open page asks by itself keeps no visit from idling."""
        by_itself, cookie = call.method == "GET" and call.header("hx-request"), self._cookie(call)
        await self._shared.fetch(cookie)
        visit = self._visits.peek(cookie) if by_itself else self._visits.find(cookie)
        if visit is None:
            return None
        await self._shared.seen(cookie)
        openid = self._place.maybe_openid()
        if openid is not None and self._renewal.due(visit, openid):
            return await self._renewed(cookie, visit, call, openid)
        return visit

    async def _renewed(self, cookie: str, visit: Visit, call: Call, openid: OpenId) -> Visit | None:
        """A refresh token may be for once: of all replicas, one uses it, and the others look at what became of it."""
        if await self._shared.claim(cookie):
            await self._renewal.renew(visit, openid, call.peer)
            await self._shared.changed(cookie)
        else:
            await self._shared.fetch(cookie)
        return self._visits.peek(cookie)

    def goes_on(self, call: Call, groups: frozenset[str]) -> bool:
        """Whether the visit of a call, which is answered bit by bit, has not ended and still has these groups (I9)."""
        visit = self._visits.peek(self._cookie(call))
        return visit is not None and visit.principal.groups == groups

    async def page(self, call: Call, visit: Visit | None) -> Reply:
        """GET /login?to=…: where to log in, or straight on for those who are."""
        back = self._back(asked(call, "to", _LONGEST))
        if visit is not None:
            return redirect(back)
        query = urllib.parse.urlencode({"to": back})
        issuer = self._place.issuer()
        ways = [(issuer.name, issuer.issuer, "/login/start")] if issuer is not None else []
        ways += [(each.name, each.entity_id, f"/saml/{each.name}/login") for each in self._place.saml()]
        told = [{"name": name, "address": address, "start": f"{start}?{query}"} for name, address, start in ways]
        return self._pages.show("login.html", None, ways=told)

    async def start(self, call: Call, visit: Visit | None) -> Reply:
        """GET /login/start?to=…: off to the issuer."""
        back = self._back(asked(call, "to", _LONGEST))
        if visit is not None:
            return redirect(back)
        attempt, cookie = self._attempts.begin(back)
        address = await self._place.openid().address(attempt, self._place.redirect)
        return redirect(address, set_cookie(cookie, self._place.secure))

    async def callback(self, call: Call, visit: Visit | None) -> Reply:
        """GET /login/callback?code=…&state=…: back from the issuer (OpenID Connect Core section 3.1.2.5)."""
        if visit is not None:
            return redirect("/")
        # I7: what comes back must belong to an attempt that this very browser began, and did not finish yet.
        attempt = self._attempts.finish(self._cookie(call), asked(call, "state", _LONGEST))
        if attempt is None or not await self._first(attempt.state):
            return self._refused(_STALE, 400)
        try:
            visit_id = await self._logged_in(call, attempt)
        except IssuerUnavailable as fault:
            self._log.warn("a log-in to the console could not be finished: {why}", why=str(fault))
            return self._refused("the issuer cannot be asked now", 503)
        except AuthenticationFailed as fault:
            self._log.info("refused at the console: {why}", why=str(fault), address=call.peer.address)
            return self._refused("this log-in was not accepted", 403)
        return redirect(attempt.back, set_cookie(visit_id, self._place.secure))

    async def _logged_in(self, call: Call, attempt: Attempt) -> str:
        """The id of the new visit. AuthenticationFailed or IssuerUnavailable."""
        openid = self._place.openid()
        issuer = openid.section
        self._check_answer(call, issuer.issuer, (await openid.endpoints()).names_itself)
        tokens = await openid.tokens(attempt, asked(call, "code", _LONGEST), self._place.redirect)
        given = (issuer.issuer, tokens.id_token, issuer.client_id, attempt.nonce, call.peer)
        principal = await self._identity.browser_login(*given)
        self._log.info("logged in to the console", principal=named(principal), address=call.peer.address)
        return await self._shared.begin(principal, attempt.nonce, tokens.refresh)

    def _check_answer(self, call: Call, issuer: str, names_itself: bool) -> None:
        error, said = asked(call, "error", _LONGEST), asked(call, "iss", _LONGEST)
        if error:
            raise AuthenticationFailed(f"the issuer refuses: {error[:200]}")
        # I3: an answer of another issuer, given to us in the middle of a log-in at this one (RFC 9207 section 2.4).
        if (said or names_itself) and said != issuer:
            raise AuthenticationFailed("the answer is another issuer's")
        if not asked(call, "code", _LONGEST):
            raise AuthenticationFailed("the answer has no code")

    async def logout(self, call: Call, visit: Visit) -> Reply:
        """POST /logout: the visit ends here; the issuer's own session can be ended there."""
        form_of(call, visit, self._place.origin)
        await self._shared.end(self._cookie(call))
        openid = self._place.maybe_openid()
        try:
            own = openid is not None and openid.section.issuer == visit.principal.issuer
            farewell = await openid.farewell(self._place.url + "/login") if openid is not None and own else ""
        except IssuerUnavailable:
            farewell = ""
        page = self._pages.show("logged_out.html", None, farewell=farewell)
        return self._pages.with_cookie(page, set_cookie("", self._place.secure))

    def to_login(self, call: Call) -> Reply:
        """For those nobody knows yet: the log-in, and from there back. Scripts are told so in a header of htmx."""
        if call.header("hx-request"):
            return Reply(text=b"", status=401, headers={"HX-Redirect": "/login"})
        query = urllib.parse.urlencode({name: values[0] for name, values in call.query.items() if len(values) == 1})
        wanted = f"{call.path}?{query}" if query else call.path
        return redirect("/login?" + urllib.parse.urlencode({"to": self._back(wanted)}))

    def _back(self, wanted: str) -> str:
        return back_path(wanted, self._is_page(wanted.partition("?")[0]))

    def _cookie(self, call: Call) -> str:
        return read_cookie(call.header("cookie"), self._place.secure)

    def _refused(self, why: str, status: int) -> Reply:
        page = self._pages.show("refused.html", None, status=status, why=why)
        return self._pages.with_cookie(page, set_cookie("", self._place.secure))
