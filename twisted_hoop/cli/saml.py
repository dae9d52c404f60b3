"""`hoop login --saml`: the browser logs somebody in, and a code comes back over loopback, or by hand (RFC 8252).

The code is worth nothing without this program's own secret (RFC 7636), and the page asks the person to compare a
number before it gives the code away: a link somebody else made leads to another number.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import click

from twisted_hoop.cli.client import Api
from twisted_hoop.cli.exits import REFUSED, UNAUTHENTICATED, CommandFailed
from twisted_hoop.cli.openid import page
from twisted_hoop.console.handing import challenge_of, number_of

PATIENCE = 600.0
"""Seconds somebody may take in the browser."""
_DONE = b"<!doctype html><title>hoop</title><p>This program has what it needs. You may close this page."
_LONGEST = 60_000


@dataclass(frozen=True, slots=True)
class SamlWay:
    """A provider as the gateway offers it: its entity id, and the page to log in at."""

    name: str
    issuer: str
    login: str


def find_way(api: Api, wanted: str) -> SamlWay:
    """The provider of that name or entity id, or CommandFailed."""
    offered = [each for each in api.get("/v1/login").get("saml", ()) if wanted in (each["name"], each["issuer"])]
    if not offered:
        raise CommandFailed(f"the gateway has no SAML provider {wanted!r} to log in at", REFUSED)
    try:
        return SamlWay(offered[0]["name"], offered[0]["issuer"], page(offered[0]["login"]))
    except ValueError as fault:
        raise CommandFailed(f"the gateway names no page to log in at: {fault}") from fault


def log_in(api: Api, way: SamlWay, tell: Callable[[str], None], browser: bool) -> dict[str, Any]:
    """The gateway's token response, once somebody has logged in. Without a browser here, they bring the code."""
    verifier = secrets.token_urlsafe(48)
    challenge = challenge_of(verifier)
    code = _fetched(way, challenge, tell) if browser else _brought(way, challenge, tell)
    answer: dict[str, Any] = api.post("/saml/token", {"code": code, "verifier": verifier})
    return answer


def _brought(way: SamlWay, challenge: str, tell: Callable[[str], None]) -> str:
    tell(f"Open {way.login}?{urlencode({'challenge': challenge})}")
    tell(f"The page shows the number {number_of(challenge)}, and then a code.")
    return "".join(click.prompt("Code", err=True, hide_input=False).split())


def _fetched(way: SamlWay, challenge: str, tell: Callable[[str], None]) -> str:
    with _Listener() as listener:
        url = f"{way.login}?{urlencode({'challenge': challenge, 'port': listener.server_port})}"
        tell(f"Open {url}")
        tell(f"The page shows the number {number_of(challenge)}.")
        click.launch(url)
        return listener.wait(time.monotonic() + PATIENCE)


class _Listener(HTTPServer):
    """Listens on loopback for one code."""

    timeout = 1.0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.code = ""

    def wait(self, until: float) -> str:
        """The code; CommandFailed when none comes."""
        while not self.code:
            if time.monotonic() > until:
                raise CommandFailed("nobody logged in; run hoop login again", UNAUTHENTICATED)
            self.handle_request()
        return self.code


class _Handler(BaseHTTPRequestHandler):
    timeout = 10.0

    def do_GET(self) -> None:
        """GET /?code=…; whatever else a browser asks for is not here."""
        parts = urlsplit(self.path)
        codes = parse_qs(parts.query).get("code", [])
        if parts.path != "/" or len(codes) != 1 or len(codes[0]) > _LONGEST:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(_DONE)))
        self.end_headers()
        self.wfile.write(_DONE)
        assert isinstance(self.server, _Listener)
        self.server.code = codes[0]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Nothing: the address has the code in it."""
