"""JSON Web Tokens: read without trust to find the key, then verified with it. Pure: no clock, no network.

Sources: RFC 7519 (JWT), RFC 7515 (JWS), RFC 8725 (best current practice), RFC 9068 section 2.1 (`at+jwt`).
Keys never come from the token: the header's `jwk`, `jku`, `x5u` and `x5c` are not looked at (I2).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.jwks import Key

MAX_TOKEN = 16 * 1024
Claims = Mapping[str, Any]

_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_END_OF_TIME = 253402300800  # the year 10000: what lies behind is no time but a mistake
_TYPES = frozenset({"jwt", "jose", "at+jwt", "application/jwt", "application/at+jwt"})
_NOT_A_LOGIN = {"events": "a security event, not a login", "cnf": "bound to a key whose possession is not checked"}


@dataclass(frozen=True, slots=True)
class Peek:
    """What an unverified token says of itself: enough to choose issuer and key, and for nothing else."""

    issuer: str
    algorithm: str
    kid: str | None


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What one issuer's tokens must be like. Seconds; `max_lifetime` 0 means any."""

    issuer: str
    audience: frozenset[str]
    algorithms: frozenset[str]
    leeway: float = 30.0
    max_lifetime: float = 0.0


def looks_like_jwt(credential: str) -> bool:
    """Three parts with dots between them: no account token has that."""
    return credential.count(".") == 2


def peek(token: str) -> Peek:
    """Issuer, algorithm and key id of a token nobody has verified, or AuthenticationFailed."""
    header, claims = _parts(token)
    issuer, algorithm, kid = claims.get("iss"), header.get("alg"), header.get("kid")
    if not isinstance(issuer, str) or not isinstance(algorithm, str):
        raise AuthenticationFailed("the token names no issuer or no algorithm")
    if kid is not None and not isinstance(kid, str):
        raise AuthenticationFailed("the token's key id is no string")
    if "crit" in header:
        raise AuthenticationFailed("the token has critical extensions nobody here understands")
    if str(header.get("typ", "JWT")).lower() not in _TYPES:
        raise AuthenticationFailed("the token is of another type")
    return Peek(issuer, algorithm, kid)


def verify(token: str, key: Key, rules: TokenRules, now: float) -> Claims:
    """The claims, after signature, issuer, audience and times were found good; AuthenticationFailed if one is not."""
    seen = peek(token)
    if seen.algorithm not in rules.algorithms or seen.algorithm not in key.algorithms:
        raise AuthenticationFailed("the token's algorithm is not one of the issuer's (I1)")
    try:
        jwt.PyJWS().decode(token, key=key.public, algorithms=[seen.algorithm])
    except jwt.InvalidTokenError as error:
        raise AuthenticationFailed(f"the token does not verify: {type(error).__name__}") from None
    _, claims = _parts(token)
    _check_names(claims, rules)
    _check_times(claims, rules, now)
    return claims


def _parts(token: str) -> tuple[Claims, Claims]:
    match = _COMPACT.fullmatch(token) if len(token) <= MAX_TOKEN else None
    if match is None:
        raise AuthenticationFailed("not a signed token in compact form, or too long")
    return _object(match[1]), _object(match[2])


def _object(part: str) -> Claims:
    """One base64url part as a JSON object without repeated names (RFC 7519 section 4)."""
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        value = json.loads(raw, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, binascii.Error, RecursionError):
        raise AuthenticationFailed("a part of the token is no JSON object") from None
    if not isinstance(value, dict):
        raise AuthenticationFailed("a part of the token is no JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("repeated name")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _check_names(claims: Claims, rules: TokenRules) -> None:
    """Who made it, about whom, for whom. Exact comparisons only (I3)."""
    if claims.get("iss") != rules.issuer:
        raise AuthenticationFailed("the token is of another issuer")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or not subject.isprintable():
        raise AuthenticationFailed("the token has no usable subject")
    for name, what in _NOT_A_LOGIN.items():
        if name in claims:
            raise AuthenticationFailed(f"the token is {what}")
    _check_audience(claims, rules.audience)


def _check_audience(claims: Claims, accepted: Collection[str]) -> None:
    """One `aud` must be ours; among several, the party it was issued to must be ours too (OIDC Core 3.1.3.7)."""
    audience = claims.get("aud")
    values = [audience] if isinstance(audience, str) else audience
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise AuthenticationFailed("the token has no audience")
    if not any(value in accepted for value in values):
        raise AuthenticationFailed("the token is for another audience")
    if len(values) > 1 and "azp" in claims and claims["azp"] not in list(accepted):
        raise AuthenticationFailed("the token was issued to another party (azp)")


def _check_times(claims: Claims, rules: TokenRules, now: float) -> None:
    expires = _time(claims, "exp")
    if expires is None:
        raise AuthenticationFailed("the token never expires")
    if now >= expires + rules.leeway:
        raise AuthenticationFailed("the token has expired")
    issued, not_before = _time(claims, "iat"), _time(claims, "nbf")
    if max(issued or 0.0, not_before or 0.0) > now + rules.leeway:
        raise AuthenticationFailed("the token is not valid yet")
    if rules.max_lifetime and expires - (issued if issued is not None else now) > rules.max_lifetime:
        raise AuthenticationFailed("the token lives longer than allowed")


def _time(claims: Claims, name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < _END_OF_TIME:
        raise AuthenticationFailed(f"the token's {name} is no time")
    return float(value)
