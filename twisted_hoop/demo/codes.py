"""Authorization codes of the development issuer (RFC 6749 section 4.1, RFC 7636): for browsers on this machine only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

LIFETIME = 60.0
"""Seconds a code is good for."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class CodeError(Exception):
    """The request, or the code, is not what it should be."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser brought to the authorization endpoint."""

    client_id: str
    redirect_uri: str
    challenge: str
    state: str = ""
    nonce: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """Who a code stands for, and for which client."""

    who: str
    client_id: str
    nonce: str
    redirect_uri: str
    challenge: str
    ends: float = field(compare=False, default=0.0)


class Codes:
    """Codes that were given and not taken yet; each is good once."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._given: dict[str, Given] = {}

    def asked(self, form: Mapping[str, str]) -> Asked:
        """The request, or CodeError. PKCE is not optional, and browsers are sent back to this machine only."""
        if form.get("response_type") != "code" or form.get("code_challenge_method") != "S256":
            raise CodeError("response_type=code and code_challenge_method=S256 are needed")
        found = Asked(
            form.get("client_id", ""),
            form.get("redirect_uri", ""),
            form.get("code_challenge", ""),
            form.get("state", ""),
            form.get("nonce", ""),
        )
        if not (found.client_id and found.challenge and _is_here(found.redirect_uri)):
            raise CodeError("client_id, code_challenge, and a redirect_uri on this machine are needed")
        return found

    def give(self, asked: Asked, who: str) -> str:
        """The address the browser is sent to, with a new code."""
        now = self._now()
        self._given = {code: given for code, given in self._given.items() if given.ends > now}
        code = secrets.token_urlsafe(24)
        self._given[code] = Given(
            who, asked.client_id, asked.nonce, asked.redirect_uri, asked.challenge, now + LIFETIME
        )
        query = urlencode({"code": code, **({"state": asked.state} if asked.state else {})})
        return f"{asked.redirect_uri}{'&' if '?' in asked.redirect_uri else '?'}{query}"

    def take(self, form: Mapping[str, str]) -> Given:
        """Who a code stands for, once; or CodeError."""
        given = self._given.pop(form.get("code", ""), None)
        if given is None or given.ends <= self._now():
            raise CodeError("no such code")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
        same = hmac.compare_digest(challenge, given.challenge) and form.get("redirect_uri") == given.redirect_uri
        if not same or form.get("client_id") != given.client_id:
            raise CodeError("the code was given to somebody else")
        return given


def _is_here(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.hostname in _LOOPBACK and url.isascii() and url.isprintable()
