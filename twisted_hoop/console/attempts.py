"""A log-in on its way: sealed into the browser's own cookie, so that nobody else can finish it (I7). No state, no I/O.

What comes back from the issuer must name the attempt of this very browser (`state`), once, within ten minutes; the
ID token must be made for it (`nonce`), and the code is worth nothing without its `verifier` (PKCE, RFC 7636).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass

from cryptography.fernet import Fernet, InvalidToken

LIFETIME = 600
"""Seconds somebody may take to log in at the issuer."""
MAX_USED = 10_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One log-in. `back` is where the person wanted to go: a path of ours that was checked before."""

    state: str
    nonce: str
    verifier: str
    back: str

    @property
    def challenge(self) -> str:
        """The code challenge, method S256 (RFC 7636 section 4.2)."""
        digest = hashlib.sha256(self.verifier.encode("ascii")).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


class Attempts:
    """Seals attempts and opens them again, each once. `now` gives POSIX time.

    `key`, 32 bytes, is what the replicas of a gateway have in common; without it, it lives as long as this object.
    """

    def __init__(self, now: Callable[[], float], key: bytes = b"") -> None:
        self._now = now
        self._seal = Fernet(base64.urlsafe_b64encode(_derived(key)) if key else Fernet.generate_key())
        self._used: OrderedDict[str, None] = OrderedDict()

    def begin(self, back: str) -> tuple[Attempt, str]:
        """A new attempt, and the cookie's value that holds it."""
        attempt = Attempt(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), back)
        data = json.dumps(asdict(attempt)).encode("ascii")
        return attempt, self._seal.encrypt_at_time(data, int(self._now())).decode("ascii")

    def finish(self, cookie: str, state: str) -> Attempt | None:
        """The attempt of this browser with that state, the first time; else None."""
        attempt = self._opened(cookie)
        if attempt is None or not hmac.compare_digest(attempt.state.encode(), state.encode("utf-8", "replace")):
            return None
        if attempt.state in self._used:
            return None
        self._used[attempt.state] = None
        while len(self._used) > MAX_USED:
            self._used.popitem(last=False)
        return attempt

    def _opened(self, cookie: str) -> Attempt | None:
        try:
            data = self._seal.decrypt_at_time(cookie.encode("utf-8", "replace"), LIFETIME, int(self._now()))
        except InvalidToken:
            return None
        return Attempt(**json.loads(data))


def _derived(key: bytes) -> bytes:
    return hmac.digest(key, b"hoop console attempts 1", "sha256")
