"""Logging in at an OpenID provider: authorization code with PKCE, state and nonce (OpenID Connect Core section 3.1).

The provider's addresses come from its discovery document and are trusted no further than its issuer is: https, or
loopback. The client's secret is looked up when it is needed and kept nowhere.
"""

from __future__ import annotations

import base64
import json
import time
import urllib.parse
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from twisted_hoop.console.attempts import Attempt
from twisted_hoop.errors import AuthenticationFailed, IssuerUnavailable, SecretUnavailable
from twisted_hoop.identity.fetch import Fetcher, is_safe
from twisted_hoop.settings import IssuerSection

_MAX_REFRESH = 16 * 1024
FRESH = 300.0
"""Seconds a discovery document is used before it is fetched again."""
RETRY = 5.0
"""Seconds after a failure until it is fetched again."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider does what. `basic`: the client's secret goes into a header, else into the form."""

    authorization: str
    token: str
    end_session: str = ""
    basic: bool = True
    names_itself: bool = False


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a token endpoint gave: an ID token, not verified, and perhaps a token to renew it with."""

    id_token: str
    refresh: str = field(default="", repr=False)


class OpenId:
    """One provider as the console's people use it. `secret` resolves the client's secret, if it has one."""

    def __init__(
        self,
        section: IssuerSection,
        fetcher: Fetcher,
        secret: Callable[[str], Awaitable[str]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.section = section
        self._fetcher = fetcher
        self._secret = secret
        self._now = now
        self._known: tuple[float, Endpoints | IssuerUnavailable] | None = None
        self._waiting: list[Deferred[None]] = []

    async def endpoints(self) -> Endpoints:
        """The provider's, or IssuerUnavailable. Fetched once for everybody who waits, and after a failure not at once:
        people who are not logged in cannot make us flood the issuer."""
        if self._known is None or self._now() >= self._known[0]:
            waiter: Deferred[None] = Deferred()
            self._waiting.append(waiter)
            if len(self._waiting) == 1:
                Deferred.fromCoroutine(self._fetch()).addBoth(self._fetched)
            await waiter
        assert self._known is not None
        if isinstance(self._known[1], IssuerUnavailable):
            raise IssuerUnavailable(str(self._known[1]))
        return self._known[1]

    async def _fetch(self) -> None:
        url = self.section.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            found = endpoints_of(await self._fetcher.get(url), self.section.issuer)
        except IssuerUnavailable as fault:
            self._known = (self._now() + RETRY, fault)
        else:
            self._known = (self._now() + FRESH, found)

    def _fetched(self, result: Any) -> None:
        if self._known is None or isinstance(result, Failure):
            self._known = (self._now() + RETRY, IssuerUnavailable(f"its discovery failed: {result}"))
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    async def address(self, attempt: Attempt, redirect: str) -> str:
        """Where the browser is sent to log in (section 3.1.2.1)."""
        scopes = dict.fromkeys(["openid", *self.section.scope.split()])
        question = {
            "response_type": "code",
            "client_id": self.section.client_id,
            "redirect_uri": redirect,
            "scope": " ".join(scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": attempt.challenge,
            "code_challenge_method": "S256",
        }
        return _with_query((await self.endpoints()).authorization, question)

    async def tokens(self, attempt: Attempt, code: str, redirect: str) -> Tokens:
        """Those for a code (section 3.1.3). AuthenticationFailed or IssuerUnavailable."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": attempt.verifier,
        }
        return await self._asked(form)

    async def renewed(self, refresh: str) -> Tokens:
        """New ones for a refresh token (section 12). AuthenticationFailed or IssuerUnavailable."""
        return await self._asked({"grant_type": "refresh_token", "refresh_token": refresh})

    async def _asked(self, form: dict[str, str]) -> Tokens:
        where = await self.endpoints()
        authorization = await self._authenticate(form, where.basic)
        return _tokens_in(*await self._fetcher.post(where.token, form, authorization))

    async def _authenticate(self, form: dict[str, str], basic: bool) -> str:
        """Put the client's credentials where the provider wants them (RFC 6749 section 2.3.1)."""
        client = self.section.client_id
        if not self.section.client_secret:
            form["client_id"] = client
            return ""
        try:
            secret = await self._secret(self.section.client_secret)
        except SecretUnavailable as error:
            raise IssuerUnavailable(f"the client's secret at {self.section.name}: {error}") from None
        if not basic:
            form |= {"client_id": client, "client_secret": secret}
            return ""
        pair = f"{urllib.parse.quote_plus(client)}:{urllib.parse.quote_plus(secret)}"
        return "Basic " + base64.b64encode(pair.encode("ascii")).decode("ascii")

    async def farewell(self, home: str) -> str:
        """Where people may end their session at the provider as well (RP-Initiated Logout section 2), or ""."""
        end_session = (await self.endpoints()).end_session
        question = {"client_id": self.section.client_id, "post_logout_redirect_uri": home}
        return _with_query(end_session, question) if end_session else ""


def endpoints_of(document: bytes, issuer: str) -> Endpoints:
    """What a discovery document says (OpenID Connect Discovery section 3), or IssuerUnavailable."""
    try:
        found = json.loads(document)
    except (ValueError, RecursionError):
        raise IssuerUnavailable("the issuer's discovery document is no JSON") from None
    if not isinstance(found, dict) or found.get("issuer") != issuer:
        raise IssuerUnavailable("the discovery document speaks for another issuer (I3)")
    ways = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Endpoints(
        _address(found, "authorization_endpoint", issuer),
        _address(found, "token_endpoint", issuer),
        _address(found, "end_session_endpoint", issuer) if found.get("end_session_endpoint") else "",
        basic=not isinstance(ways, list) or "client_secret_basic" in ways or "client_secret_post" not in ways,
        names_itself=found.get("authorization_response_iss_parameter_supported") is True,
    )


def _address(document: dict[str, Any], name: str, issuer: str) -> str:
    value = document.get(name)
    weaker = issuer.startswith("https:") and not str(value).startswith("https:")
    if not isinstance(value, str) or not is_safe(value) or weaker or "#" in value or not value.isprintable():
        raise IssuerUnavailable(f"the issuer's discovery document has no usable {name}")
    return value


def _with_query(url: str, question: dict[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urllib.parse.urlencode(question)}"


def _tokens_in(status: int, body: bytes) -> Tokens:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise IssuerUnavailable(f"the issuer's token endpoint answers with status {status} and no JSON")
    if status >= 500:
        raise IssuerUnavailable(f"the issuer's token endpoint answers with status {status}")
    token = answer.get("id_token")
    if status != 200 or not isinstance(token, str):
        error = str(answer.get("error", f"status {status}, no id_token"))[:200]
        raise AuthenticationFailed(f"the issuer gives no ID token: {error}")
    refresh = answer.get("refresh_token")
    return Tokens(token, refresh if isinstance(refresh, str) and len(refresh) <= _MAX_REFRESH else "")
