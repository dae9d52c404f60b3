"""The gateway's own issuer: signs short tokens, publishes what verifies them, reads them back. No I/O.

Who calls `issue` has proved the principal at the one door (I8), and decided what it may be given. To others a token
is an ordinary one: `sub` is `issuer|subject` of the first proof (I4: two issuers may both have an alice), `groups`,
`act` with who acts (RFC 8693, section 4.1). To ourselves its `hoop` claim counts, which says who that was, so that
locks and the ban on self-approval hold for one and the same identity. In a foreign issuer's token it means nothing.
Signing takes about 60 µs of CPU with Ed25519, less than a change of threads.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jwt

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.own_keys import OwnKeys
from twisted_hoop.identity.stating import ORIGIN, TERMS, read, restored, stated
from twisted_hoop.identity.tokens import MAX_TOKEN, Claims, Peek, TokenRules, verify
from twisted_hoop.model import Principal
from twisted_hoop.settings import OwnIssuerSection

PROOF = "exchange"
MAX_LIFETIME = 43200.0
"""Seconds; whatever is asked for."""
MAX_DEPTH = 4
"""How often a token may be exchanged for another one."""
TOKEN_PATH, KEYS_PATH = "/oauth/token", "/oauth/keys"
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
_SKEW = 30.0
_DIGEST, _KEY = 64, 8
_OURS = (PROOF, "ssh-certificate")
assert ORIGIN == 2 + _KEY


@dataclass(frozen=True, slots=True)
class Issued:
    """A token that was made; it ends at `expires` (POSIX, whole seconds). `id` is its `jti`."""

    token: str
    expires: float
    id: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A token of ours that verified: whom it restores, its `jti`, and under which settings it was made."""

    principal: Principal
    id: str
    terms: str


class OwnIssuer:
    """See the module. `url` is its `iss`; `now` gives POSIX time."""

    def __init__(
        self, section: OwnIssuerSection, url: str, keys: OwnKeys, now: Callable[[], float] = time.time
    ) -> None:
        self.section = section
        self.url = url.rstrip("/")
        self.keys = keys
        self._now = now
        self._rules = TokenRules(self.url, frozenset({self.url}), frozenset({"EdDSA", "ES256"}), _SKEW, MAX_LIFETIME)

    def issue(self, principal: Principal, terms: str, lifetime: float | None = None, audience: str = "") -> Issued:
        """A token of `lifetime` seconds (the configured ones), never longer than what proved the principal.

        `terms` are those of who vouches for it (`vouching.Vouching.terms`). `audience` is another service's: such a
        token opens nothing here. AuthenticationFailed when there is no life left, when it was exchanged too often, or
        when nobody vouches.
        """
        now = self._now()
        wanted = now + min(self.section.lifetime if lifetime is None else lifetime, MAX_LIFETIME)
        expires = int(wanted if principal.expires is None else min(wanted, principal.expires))
        depth = depth_in(principal) + 1
        if expires <= now or len(terms) != TERMS or depth > MAX_DEPTH:
            raise AuthenticationFailed("there is nothing left to exchange: expired, exchanged too often, or withdrawn")
        told = replace(principal, expires=float(expires))
        claims = _claims(told) | {
            "iss": self.url,
            "aud": audience or self.url,
            "iat": int(now),
            "exp": expires,
            "jti": secrets.token_urlsafe(16),
            "hoop": {**stated(told, terms), "depth": depth},
        }
        return Issued(self._signed(claims), float(expires), claims["jti"])

    def shown(self, token: str, seen: Peek, digest: str) -> Shown:
        """Whom a token of ours restores, or AuthenticationFailed. Whether they are still vouched for is the caller's.

        `digest` is the SHA-256 of the token, in hex.
        """
        key = self.keys.find(seen.kid, seen.algorithm)
        if key is None:
            raise AuthenticationFailed("the token is signed with none of our keys (I2)")
        claims = verify(token, key.public, self._rules, self._now())
        if self._now() >= float(claims["exp"]):
            raise AuthenticationFailed("the token has expired")  # our own clock made it: no leeway
        found, depth, ident = _own_claims(claims)
        tail = f"{found.terms}{depth:02x}{_short(key.kid)}"
        return Shown(restored(found, PROOF, digest + tail, float(claims["exp"])), ident, found.terms)

    def still_signs(self, principal: Principal) -> bool:
        """Whether the key a restored principal's token was signed with is still ours."""
        return principal.proof_id[-_KEY:] in {_short(key.kid) for key in self.keys.keys}

    def metadata(self) -> dict[str, Any]:
        """What `/.well-known/openid-configuration` says (OIDC Discovery 1.0, RFC 8414)."""
        return {
            "issuer": self.url,
            "token_endpoint": self.url + TOKEN_PATH,
            "jwks_uri": self.url + KEYS_PATH,
            "grant_types_supported": [GRANT],
            "token_endpoint_auth_methods_supported": ["none"],
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": sorted({key.algorithm for key in self.keys.keys}),
            "claims_supported": ["iss", "sub", "aud", "exp", "iat", "jti", "groups", "act", "kind"],
        }

    def _signed(self, claims: dict[str, Any]) -> str:
        key = self.keys.signing
        payload = json.dumps(claims, separators=(",", ":")).encode()
        token = jwt.PyJWS().encode(payload, key.private, key.algorithm, {"kid": key.kid})
        if len(token) > MAX_TOKEN:
            raise AuthenticationFailed("the token would be too large: ask for fewer groups")
        return token


def terms_in(principal: Principal) -> str:
    """The terms a restored principal's token was made under."""
    return principal.proof_id[_DIGEST : _DIGEST + TERMS]


def origin_of(principal: Principal) -> str:
    """Which exchange is behind a principal (its depth and the key that signed), also when a certificate of SSH was
    made of the token: what ends the one ends the other (I9). "" when none is."""
    return principal.proof_id[_DIGEST + TERMS :] if principal.proof in _OURS else ""


def depth_in(principal: Principal) -> int:
    """How many exchanges made what proved the principal."""
    return int(principal.proof_id[_DIGEST + TERMS :][:2], 16) if principal.proof == PROOF else 0


def _own_claims(claims: Claims) -> tuple[Any, int, str]:
    said, ident = claims.get("hoop"), claims.get("jti")
    try:
        if not isinstance(said, dict) or not isinstance(ident, str) or not ident:
            raise ValueError("no hoop claim")
        rest = dict(said)
        depth = rest.pop("depth", None)
        if not isinstance(depth, int) or not 1 <= depth <= MAX_DEPTH:
            raise ValueError("no depth")
        return read(rest), depth, ident
    except ValueError:
        raise AuthenticationFailed("the token was not made for this gateway") from None


def _claims(principal: Principal) -> dict[str, Any]:
    """What others read. `act` names the current actor, and in it those before (RFC 8693, section 4.1)."""
    claims: dict[str, Any] = {"sub": principal.key, "groups": sorted(principal.groups), "kind": principal.kind.value}
    if principal.name:
        claims["preferred_username"] = principal.name
    act: dict[str, Any] = {}
    groups = {each.key: each.groups for each in principal.within}
    for actor in reversed(principal.chain):
        key = f"{actor.issuer}|{actor.subject}"
        known = {"groups": sorted(groups[key])} if key in groups and key != principal.key else {}
        act = {"iss": actor.issuer, "sub": actor.subject, **known, **({"act": act} if act else {})}
    return claims | ({"act": act} if act else {})


def _short(kid: str) -> str:
    return hashlib.sha256(kid.encode()).hexdigest()[:_KEY]
