"""The console without a browser: a whole one on a loopback port, an OpenID provider that can misbehave, and visitors.

console.visitor("bob").get("/approvals")          # logged in through the provider
visitor.post("/approvals/…/decide", decision="approve", digest=…)     # with the page's own token and origin

Only here a provider is not a real one: a certified one makes none of the mistakes that must be refused. The real one
is in tests/browser.
"""

from __future__ import annotations

import contextlib
import html
import http.client
import json
import re
import secrets
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from twisted.web.http import Request

from tests.support.api import GROUPS, OPEN, Answer, Api, listening_api
from tests.support.approvals import Office
from tests.support.loop import Loop
from tests.support.web import Web, running_web
from twisted_hoop.console.dispatch import Console
from twisted_hoop.console.front import Front
from twisted_hoop.console.place import Place
from twisted_hoop.demo.keyring import KeyRing
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.model import Kind, Principal
from twisted_hoop.settings import Settings
from twisted_hoop.web.dispatch import Dispatcher
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.site import site_of

CLIENT, SECRET = "hoop-console", "the client's secret"


@dataclass
class Provider:
    """An OpenID provider: `codes` maps those it gave to the claims of their ID tokens; `mistakes` change those.

    With `refreshes`, tokens can be renewed, each refresh token once; `later` changes the claims of renewed ones.
    """

    web: Web
    ring: KeyRing
    codes: dict[str, dict[str, Any]] = field(default_factory=dict)
    mistakes: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    refreshes: bool = False
    refreshed: dict[str, dict[str, Any]] = field(default_factory=dict)
    later: dict[str, Any] = field(default_factory=dict)

    def start(self) -> None:
        """Say where things are."""
        url = self.web.url
        document = {
            "issuer": url,
            "authorization_endpoint": url + "/auth",
            "token_endpoint": url + "/token",
            "end_session_endpoint": url + "/end",
            "jwks_uri": url + "/jwks",
        }
        self.web.answers["/.well-known/openid-configuration"] = json.dumps(document).encode()
        self.web.answers["/jwks"] = json.dumps(self.ring.jwks()).encode()
        self.web.answers["/token"] = self._token

    def log_in(self, address: str, who: str, **claims: Any) -> str:
        """What the provider's pages do: the query it sends the browser back with."""
        question = dict(urllib.parse.parse_qsl(address.partition("?")[2]))
        code = secrets.token_urlsafe(8)
        usual = {"aud": CLIENT, "nonce": question["nonce"], "preferred_username": who.title(), "kind": "human"}
        groups = GROUPS.get(who, [])
        self.codes[code] = {"sub": who, "groups": groups, **usual, **claims, **self.mistakes}
        return urllib.parse.urlencode({"code": code, "state": question["state"]})

    def _token(self, request: Request) -> bytes:
        content: Any = request.content
        form = dict(urllib.parse.parse_qsl(content.read().decode()))
        self.asked.append(form)
        refreshing = form["grant_type"] == "refresh_token"
        claims = self.refreshed.pop(form["refresh_token"], None) if refreshing else self.codes.pop(form["code"], None)
        if claims is None:
            request.setResponseCode(400)
            return b'{"error": "invalid_grant"}'
        token = self.ring.token(claims["sub"], **{k: v for k, v in claims.items() if k != "sub"})
        answer = {"id_token": token, "token_type": "Bearer"}
        if self.refreshes:
            answer["refresh_token"] = secrets.token_urlsafe(8)
            self.refreshed[answer["refresh_token"]] = {k: v for k, v in claims.items() if k != "nonce"} | self.later
        return json.dumps(answer).encode()


class Visitor:
    """A browser without a window: one cookie jar, one origin, nothing followed."""

    def __init__(self, port: int, host: str) -> None:
        self._port, self._host = port, host
        self.cookie = ""
        self.csrf = ""

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request over a connection of its own."""
        sent = {"Host": self._host, **({"Cookie": self.cookie} if self.cookie else {}), **(headers or {})}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body, {name: value for name, value in sent.items() if value})
            got = connection.getresponse()
            answer = Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        if "set-cookie" in answer.headers:
            pair = answer.headers["set-cookie"].partition(";")[0]
            self.cookie = pair if pair.partition("=")[2] else ""
        if found := re.search(r'name="csrf" value="([^"]+)"', text_of(answer)):
            self.csrf = found[1]
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        """A page."""
        return self.ask("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, headers: Mapping[str, str] | None = None, **fields: str) -> Answer:
        """A form as a page of the console sends it."""
        if not self.csrf:
            self.get("/may-i")
        usual = {"Origin": f"http://{self._host}", "Content-Type": "application/x-www-form-urlencoded"}
        body = urllib.parse.urlencode({"csrf": self.csrf, **fields}).encode()
        return self.ask("POST", path, body, {**usual, **(headers or {})})


def text_of(answer: Answer) -> str:
    """The page as text."""
    return answer.body.decode("utf-8", "replace")


def words_of(answer: Answer) -> str:
    """What a person reads: without markup."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text_of(answer))))


@dataclass
class ConsoleHouse:
    """A console, the API beside it, and what stands behind both."""

    port: int
    api: Api
    parts: Parts
    office: Office
    console: Console
    provider: Provider
    settings: list[Settings]

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def person(self, who: str, kind: Kind = Kind.HUMAN) -> Principal:
        """Somebody as the console's provider proves them."""
        return Principal(self.provider.web.url, who, who.title(), frozenset(GROUPS.get(who, ())), kind)

    def visitor(self, who: str = "", **claims: Any) -> Visitor:
        """Somebody who has logged in, or nobody."""
        visitor = Visitor(self.port, self.host)
        if who:
            answer = self.log_in(visitor, who, **claims)
            assert answer.status == 303, text_of(answer)
        return visitor

    def log_in(self, visitor: Visitor, who: str, to: str = "/", **claims: Any) -> Answer:
        """From the start of a log-in to the answer of the callback."""
        begun = visitor.get("/login/start?" + urllib.parse.urlencode({"to": to}))
        assert begun.status == 303, text_of(begun)
        return visitor.get("/login/callback?" + self.provider.log_in(begun.headers["location"], who, **claims))


@contextlib.contextmanager
def console_house(office: Office, loop: Loop, state: Path, **changed: Any) -> Iterator[ConsoleHouse]:
    """A console on a free port; `changed` replaces settings of [console]."""
    with listening_api(office, loop, state) as api, running_web(loop) as web:
        ring = KeyRing(web.url)
        ring.add("EdDSA")
        provider = Provider(web, ring)
        provider.start()
        settings = [_settings(web.url, 0, changed)]
        identity = IdentityProvider(settings[0], loop.reactor, locks=api.provider.locks)
        parts = replace(api.parts, identity=identity)

        async def secret(reference: str) -> str:
            return SECRET

        place = Place(lambda: settings[0], loop.reactor, secret)
        console = Console(parts, place, loop.reactor, office.time)
        site = site_of(Front(Dispatcher(parts, loop.reactor), console), loop.reactor)
        port = loop.run(lambda: loop.reactor.listenTCP(0, site, interface="127.0.0.1"))
        settings[0] = _settings(web.url, port.getHost().port, changed)
        try:
            yield ConsoleHouse(port.getHost().port, api, parts, office, console, provider, settings)
        finally:
            loop.run(port.stopListening)


def _settings(issuer: str, port: int, changed: Mapping[str, Any]) -> Settings:
    section = {
        "name": "corp",
        "issuer": issuer,
        "audience": ["hoop"],
        "algorithms": ["EdDSA"],
        "kind_claim": "kind",
        "client_id": CLIENT,
        "client_secret": "env:CLIENT_SECRET",
    }
    given = {"gateway": {"url": f"http://127.0.0.1:{port}"}, "issuers": [section], "console": dict(changed)}
    targets = [each.model_dump(exclude_defaults=True) for each in OPEN.targets]
    return Settings.model_validate({**given, "targets": targets})
