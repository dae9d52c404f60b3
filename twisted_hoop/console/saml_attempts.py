"""Log-ins at a SAML provider on their way, and what a program is handed at their end. No state, no I/O.

As with OpenID (`attempts`), an attempt is sealed into the browser's own cookie: what a provider posts must answer the
request of this very browser, with the RelayState it was given, once, within ten minutes (I7).
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from twisted_hoop.console.attempts import LIFETIME
from twisted_hoop.console.handing import challenge_of, number_of
from twisted_hoop.console.sealed import Sealed
from twisted_hoop.model import Kind, Principal

HANDED = 120
"""Seconds a program may take to fetch its token."""
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # SHA-256 in base64url, RFC 7636 section 4.2
_PORT = re.compile(r"[1-9][0-9]{0,4}")


@dataclass(frozen=True, slots=True)
class Asking:
    """The program somebody logs in for: the challenge of its secret, and the port of loopback it listens on, or 0."""

    challenge: str
    port: int = 0

    @property
    def number(self) -> str:
        """What people compare."""
        return number_of(self.challenge)


@dataclass(frozen=True, slots=True)
class SamlAttempt:
    """One log-in at `provider`. `request` is the ID of our request, `relay` its RelayState: random, no address.

    `back` is where the person wanted to go, a path of ours that was checked before; `asking` the program, if any.
    """

    provider: str
    request: str
    relay: str
    back: str
    asking: Asking | None = None


class SamlAttempts:
    """Seals attempts and opens them again. That each is finished once is the caller's to ask of the store."""

    def __init__(self, now: Callable[[], float], key: bytes = b"") -> None:
        self._sealed = Sealed("hoop saml attempts 1", now, key)

    def begin(self, provider: str, back: str, asking: Asking | None = None) -> tuple[SamlAttempt, str]:
        """A new attempt, and the cookie's value that holds it."""
        # SAML Core section 1.3.4 asks for 128 random bits, and an ID may not begin with a digit.
        attempt = SamlAttempt(provider, "_" + secrets.token_hex(20), secrets.token_urlsafe(32), back, asking)
        return attempt, self._sealed.seal(asdict(attempt))

    def finish(self, cookie: str, provider: str, relay: str) -> SamlAttempt | None:
        """The attempt of this browser at that provider with that RelayState, or None."""
        values = self._sealed.opened(cookie, LIFETIME)
        if values is None:
            return None
        asking = values.pop("asking")
        attempt = SamlAttempt(**values, asking=None if asking is None else Asking(**asking))
        same = hmac.compare_digest(attempt.relay.encode(), relay.encode("utf-8", "replace"))
        return attempt if same and attempt.provider == provider else None


@dataclass(frozen=True, slots=True)
class Handed:
    """What was handed to a program: once, by `id`."""

    id: str
    provider: str
    principal: Principal


class Handovers:
    """Codes that stand for somebody who has just logged in: worth something to the program that asked (RFC 7636)."""

    def __init__(self, now: Callable[[], float], key: bytes = b"") -> None:
        self._sealed = Sealed("hoop saml codes 1", now, key)

    def code(self, principal: Principal, provider: str, challenge: str) -> str:
        """A code for whoever has the secret behind the challenge."""
        values = {"id": secrets.token_urlsafe(16), "provider": provider, "challenge": challenge}
        return self._sealed.seal({**values, "who": _told(principal)})

    def redeem(self, code: str, verifier: str) -> Handed | None:
        """Whom a code stands for, if this is the secret; that it is the first time is the caller's to ask."""
        values = self._sealed.opened(code, HANDED)
        if values is None or not hmac.compare_digest(values["challenge"], challenge_of(verifier)):
            return None
        return Handed(values["id"], values["provider"], _principal(values["who"]))


def asking_of(challenge: str, port: str) -> Asking | None:
    """The program as the address of the log-in names it; ValueError for what no program of ours sends."""
    if not challenge and not port:
        return None
    if _CHALLENGE.fullmatch(challenge) is None or (port and (_PORT.fullmatch(port) is None or int(port) > 65535)):
        raise ValueError("no challenge, or no port")
    return Asking(challenge, int(port or 0))


def _told(who: Principal) -> dict[str, Any]:
    plain = {"issuer": who.issuer, "subject": who.subject, "name": who.name, "proof": who.proof}
    ends = {"expires": who.expires, "proof_id": who.proof_id, "max_sessions": who.max_sessions}
    return {**plain, **ends, "groups": sorted(who.groups), "kind": who.kind.value}


def _principal(told: dict[str, Any]) -> Principal:
    rest = {name: value for name, value in told.items() if name not in ("groups", "kind")}
    return Principal(**rest, groups=frozenset(told["groups"]), kind=Kind(told["kind"]))
