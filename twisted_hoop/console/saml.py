"""Logging in by SAML (SAML Profiles 2.0, section 4.1): our metadata, requests by redirect, answers by POST."""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from twisted.logger import Logger

from twisted_hoop.console.cookies import SAML_COOKIE, read_cookie, set_cookie, set_crossing_cookie
from twisted_hoop.console.forms import FORM, asked, back_path
from twisted_hoop.console.pages import PAGE_HEADERS, Pages, redirect
from twisted_hoop.console.place import Place
from twisted_hoop.console.saml_attempts import HANDED, Asking, Handovers, SamlAttempt, SamlAttempts, asking_of
from twisted_hoop.console.shared_visits import SharedVisits
from twisted_hoop.console.visits import Visit
from twisted_hoop.errors import AuthenticationFailed, IssuerUnavailable
from twisted_hoop.model import Principal
from twisted_hoop.settings import SamlSection
from twisted_hoop.web.calls import Call, Reply, named
from twisted_hoop.web.problems import Problem

METADATA = "application/samlmetadata+xml"
_STALE = "this log-in was begun in another browser, or too long ago"
_LONGEST = 4096  # characters of a parameter
_FIELDS = 8  # of an answer's form: two count


class Redeemed(BaseModel):
    """What a program shows for its token."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = Field(max_length=65536)
    verifier: str = Field(min_length=43, max_length=128)


class SamlPages:
    """Handlers. `identity` is the provider in force; `is_page` says whether a path shows a page.

    `first` says, once for all replicas and up to a POSIX time, whether something happens for the first time (I7).
    """

    _log = Logger()

    def __init__(
        self,
        place: Place,
        pages: Pages,
        visits: SharedVisits,
        sealed: tuple[SamlAttempts, Handovers],
        identity: Any,
        is_page: Callable[[str], bool],
        first: Callable[[str, float], Awaitable[bool]],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._place = place
        self._pages = pages
        self._shared = visits
        self._attempts, self._handovers = sealed
        self._identity = identity
        self._is_page = is_page
        self._first = first
        self._now = now

    async def metadata(self, call: Call, visit: Visit | None, name: str) -> Reply:
        """GET /saml/NAME/metadata: the document a provider knows us by; it has no secrets."""
        self._section(name)
        return Reply(text=self._identity.saml.provider(name).metadata(), media_type=METADATA)

    async def login(self, call: Call, visit: Visit | None, name: str) -> Reply:
        """GET /saml/NAME/login?to=… or ?challenge=…&port=…: off to the provider."""
        self._section(name)
        try:
            asking = asking_of(asked(call, "challenge"), asked(call, "port"))
        except ValueError:
            raise Problem(400, "no program of ours asks like this") from None
        wanted = asked(call, "to", _LONGEST)
        back = back_path(wanted, self._is_page(wanted.partition("?")[0]))
        if visit is not None and asking is None:
            return redirect(back)
        attempt, cookie = self._attempts.begin(name, back, asking)
        address = self._identity.saml.provider(name).address(attempt.request, attempt.relay, self._now())
        return redirect(address, set_crossing_cookie(cookie, self._place.secure))

    async def acs(self, call: Call, visit: Visit | None, name: str) -> Reply:
        """POST /saml/NAME/acs: back from the provider (SAML Bindings 2.0, section 3.5.4)."""
        self._section(name)
        form = _form(call)
        # I7: what comes must answer a request of this very browser, which has not been answered yet.
        cookie = read_cookie(call.header("cookie"), self._place.secure, SAML_COOKIE)
        attempt = self._attempts.finish(cookie, name, form.get("RelayState", ""))
        if attempt is None or not await self._first(f"saml {attempt.relay}", self._now() + 3600.0):
            return self._refused(_STALE, 400)
        try:
            sent = form.get("SAMLResponse", "")
            principal = await self._identity.saml_login(name, sent, attempt.request, call.peer)
        except IssuerUnavailable as fault:
            self._log.warn("a SAML log-in could not be finished: {why}", why=str(fault))
            return self._refused("this log-in cannot be checked now", 503)
        except AuthenticationFailed as fault:
            self._log.info("refused at SAML: {why}", why=str(fault), address=call.peer.address, provider=name)
            return self._refused("this log-in was not accepted", 403)
        return await self._welcome(call, attempt, principal)

    async def _welcome(self, call: Call, attempt: SamlAttempt, principal: Principal) -> Reply:
        if attempt.asking is not None:
            return self._handed(attempt.provider, attempt.asking, principal)
        self._log.info("logged in to the console", principal=named(principal), address=call.peer.address)
        visit_id = await self._shared.begin(principal, attempt.relay)
        return redirect(attempt.back, set_cookie(visit_id, self._place.secure))

    def _handed(self, provider: str, asking: Asking, principal: Principal) -> Reply:
        """A page, not a redirect: nobody gets a token for a program they did not see the number of."""
        code = self._handovers.code(principal, provider, asking.challenge)
        link = f"http://127.0.0.1:{asking.port}/?{urllib.parse.urlencode({'code': code})}" if asking.port else ""
        who = principal.name or principal.subject
        # The code stands in the page: it is in no cache, and in no Referer of what the page leads to (K13).
        headers = {**PAGE_HEADERS, "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}
        shown = {"who": who, "link": link, "code": code}
        return self._pages.show("saml_program.html", None, 200, headers, number=asking.number, **shown)

    async def token(self, call: Call, visit: Visit | None) -> Reply:
        """POST /saml/token: a program's code becomes a token of the gateway's own, once (RFC 7636, section 4.6)."""
        shown = call.json(Redeemed)
        handed = self._handovers.redeem(shown.code, shown.verifier)
        if handed is None or not await self._first(f"saml code {handed.id}", self._now() + 2 * HANDED):
            return _error(403, "this code was used, is too old, or is another program's")
        section = self._section(handed.provider)
        if not self._identity.still_valid(handed.principal):  # I8, I9: a lock or a reload since
            return _error(403, "this log-in does not count any more")
        try:
            issued = self._identity.issue(handed.principal, section.token_lifetime)
        except AuthenticationFailed as fault:
            self._log.info("no token for a program: {why}", why=str(fault), principal=named(handed.principal))
            return _error(403, f"no token can be made: {fault}")
        self._log.info("a token was made for a program", principal=named(handed.principal), address=call.peer.address)
        left = max(0, int(issued.expires - self._now()))
        content = {"access_token": issued.token, "token_type": "Bearer", "expires_in": left}
        return Reply(content, headers={"Cache-Control": "no-store"})

    def _section(self, name: str) -> SamlSection:
        found = next((each for each in self._place.saml() if each.name == name), None)
        if found is None:
            raise Problem(404, "no such provider")
        return found

    def _refused(self, why: str, status: int) -> Reply:
        page = self._pages.show("refused.html", None, status=status, why=why)
        return self._pages.with_cookie(page, set_crossing_cookie("", self._place.secure))


def _form(call: Call) -> dict[str, str]:
    """The fields of an answer's form. Its size was bounded when it came; base64 is looked at in the room of SAML."""
    if call.header("content-type").partition(";")[0].strip().lower() != FORM:
        raise Problem(415, "send a form")
    try:
        pairs = urllib.parse.parse_qsl(
            call.body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS
        )
    except ValueError:
        raise Problem(400, "the form cannot be read") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Problem(400, "a field of the form is repeated")
    return found


def _error(status: int, why: str) -> Reply:
    return Reply({"detail": why}, status=status, headers={"Cache-Control": "no-store"})
