"""From verified claims to a principal: conditions, groups, kind, delegation chain. Pure.

Identity is `iss` + `sub` (I4): names and e-mail addresses are for people's eyes only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import re2

from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.identity.tokens import Claims, TokenRules
from twisted_hoop.model import Actor, Kind, Principal
from twisted_hoop.settings import IssuerSection

MAX_CHAIN = 8
_MAX_NAME = 200
_META = frozenset("\\^$*+?{}[]()|")
_MISSING = object()


class ClaimRules:
    """One issuer's settings, ready to be applied to its tokens."""

    def __init__(self, section: IssuerSection) -> None:
        self.section = section
        self.token = TokenRules(
            section.issuer,
            frozenset(section.audience),
            frozenset(section.algorithms),
            section.leeway,
            section.max_lifetime,
        )
        self._conditions = {path: _patterns(section.name, path, wanted) for path, wanted in section.claims.items()}

    def for_client(self, client_id: str) -> TokenRules:
        """The rules of ID tokens issued to this OAuth client."""
        return replace(self.token, audience=frozenset({client_id}))

    def principal(self, claims: Claims, digest: str, now: float) -> Principal:
        """Whom these verified claims prove, or AuthenticationFailed when a condition does not hold."""
        self._check_conditions(claims)
        section = self.section
        return Principal(
            issuer=section.issuer,
            subject=claims["sub"],
            name=_name(claims.get(section.name_claim)),
            groups=self._groups(claims),
            kind=self._kind(claims),
            chain=_chain(claims, section.issuer),
            proof="jwt",
            expires=_expires(claims, section.leeway, now),
            proof_id=digest,
            max_sessions=section.max_sessions,
            within=self._bounds(claims) if section.intersect else (),
        )

    def _check_conditions(self, claims: Claims) -> None:
        for path, patterns in self._conditions.items():
            values = _texts(claim_at(claims, path))
            if not any(pattern.fullmatch(value) for value in values for pattern in patterns):
                raise AuthenticationFailed(f"the token's claim {path} is not what the configuration asks for")

    def _groups(self, claims: Claims) -> frozenset[str]:
        """Groups of the claim, prefixed, and the configured ones. A claim that cannot be read refuses the token:
        fewer groups could also mean fewer prohibitions."""
        path = self.section.groups_claim
        elsewhere = claims.get("_claim_names")
        if isinstance(elsewhere, dict) and path in elsewhere:
            raise AuthenticationFailed("the token leaves its groups out (distributed claims)")
        value = claim_at(claims, path) if path else _MISSING
        found = _group_names(() if value is _MISSING or value is None else value)
        return frozenset((*(self.section.group_prefix + name for name in found), *self.section.groups))

    def _bounds(self, claims: Claims) -> tuple[Principal, ...]:
        """Those who act, as themselves; what they may not do they may not do for somebody else either (`intersect`)."""
        found: list[Principal] = []
        link: Mapping[str, Any] = claims
        for actor in _chain(claims, self.section.issuer):
            link = link["act"]
            value = claim_at(link, self.section.groups_claim) if self.section.groups_claim else _MISSING
            names = _group_names(() if value is _MISSING or value is None else value)
            groups = frozenset(self.section.group_prefix + name for name in names)
            found.append(Principal(actor.issuer, actor.subject, groups=groups, kind=Kind.MACHINE, proof="bound"))
        return tuple(found)

    def _kind(self, claims: Claims) -> Kind:
        path = self.section.kind_claim
        value = claim_at(claims, path) if path else _MISSING
        if value is _MISSING:
            return Kind(self.section.kind)
        if value not in ("human", "machine"):
            raise AuthenticationFailed(f"the token's claim {path} says neither human nor machine")
        return Kind(value)


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """The claim of that name, or the one dots lead to. Names with dots win (`kubernetes.io.namespace` finds both)."""
    if path in claims:
        return claims[path]
    cut = path.rfind(".")
    while cut > 0:
        inner = claims.get(path[:cut])
        if isinstance(inner, dict):
            return claim_at(inner, path[cut + 1 :])
        cut = path.rfind(".", 0, cut)
    return _MISSING


def _patterns(issuer: str, path: str, wanted: str | list[str]) -> list[Any]:
    """Compiled conditions. As in rules, what has none of the characters of `_META` is plain text."""
    options = re2.Options()
    options.log_errors = False
    texts = [wanted] if isinstance(wanted, str) else wanted
    try:
        return [re2.compile(re2.escape(text) if _META.isdisjoint(text) else text, options) for text in texts]
    except (re2.error, UnicodeEncodeError) as error:
        raise ConfigurationError([f"issuers ({issuer}): claims.{path}: not an RE2 pattern: {error}"]) from None


def _texts(value: Any) -> list[str]:
    """What patterns are matched against: text as it is, numbers and booleans as JSON writes them, lists one by one."""
    values = value if isinstance(value, list) else [value]
    texts = (one if isinstance(one, str) else json.dumps(one) for one in values if isinstance(one, (str, int, float)))
    return [text for text in texts if text.isprintable()]


def _group_names(value: Any) -> Iterable[str]:
    names = [name for name in re.split(r"[ ,]+", value) if name] if isinstance(value, str) else value
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) and name for name in names):
        raise AuthenticationFailed("the token's groups are not a list of names")
    if not all(name.isprintable() for name in names):
        raise AuthenticationFailed("the token's groups have unprintable names")
    return names


def _chain(claims: Claims, issuer: str) -> tuple[Actor, ...]:
    """The nested `act` claims, current actor first (RFC 8693 section 4.1)."""
    chain: list[Actor] = []
    link = claims.get("act")
    while link is not None:
        if not isinstance(link, dict) or len(chain) == MAX_CHAIN:
            raise AuthenticationFailed("the token's delegation chain is malformed or too long")
        chain.append(_actor(link.get("sub"), link.get("iss", issuer)))
        link = link.get("act")
    return tuple(chain)


def _actor(subject: Any, issuer: Any) -> Actor:
    for part in (subject, issuer):
        if not isinstance(part, str) or not part or not part.isprintable():
            raise AuthenticationFailed("the token's delegation chain names nobody")
    if "|" in issuer:  # `Principal.key` joins the two with it
        raise AuthenticationFailed("the token's delegation chain names an impossible issuer")
    return Actor(issuer, subject)


def _name(value: Any) -> str:
    return value[:_MAX_NAME] if isinstance(value, str) and value.isprintable() else ""


def _expires(claims: Claims, leeway: float, now: float) -> float:
    """`exp`; for a token accepted within the leeway after it, the end of the leeway."""
    expires = float(claims["exp"])
    return expires if now < expires else expires + leeway
