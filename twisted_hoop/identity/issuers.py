"""One configured issuer: its rules, its keys, where its tokens may come from."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import Any

from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.identity.claims import ClaimRules
from twisted_hoop.identity.keys import IssuerKeys, keys_for
from twisted_hoop.identity.sources import SourceRanges
from twisted_hoop.identity.tokens import Claims, Peek, peek, verify
from twisted_hoop.model import Peer, Principal
from twisted_hoop.settings import IssuerSection, Settings


class Issuer:
    """Everything that belongs to one issuer's tokens."""

    def __init__(self, section: IssuerSection, keys: IssuerKeys, now: Callable[[], float]) -> None:
        self.section = section
        self.keys = keys
        self.one_time = section.one_time
        self._now = now
        self._rules = ClaimRules(section)
        self._sources = SourceRanges(section.sources, f"issuers ({section.name})")

    async def principal(self, token: str, seen: Peek, digest: str) -> tuple[Principal, Claims]:
        """Whom a token proves, and its verified claims; AuthenticationFailed or IssuerUnavailable."""
        if seen.algorithm not in self._rules.token.algorithms:
            raise AuthenticationFailed("the token's algorithm is not one of the issuer's (I1)")
        key = await self.keys.find(seen.kid, seen.algorithm)
        claims = verify(token, key, self._rules.token, self._now())
        if self.one_time and not isinstance(claims.get("jti"), str):
            raise AuthenticationFailed("the token has no jti, which its issuer's tokens need (I10)")
        return self._rules.principal(claims, digest, self._now()), claims

    async def browser_login(
        self, token: str, client_id: str, nonce: str, digest: str, renewed: bool = False
    ) -> Principal:
        """Whom an ID token proves that was issued to `client_id` for this `nonce` (OIDC Core section 3.1.3.7).

        The same keys, conditions and groups as for every token; only the audience is the client and nobody else. One
        that was `renewed` may leave the nonce out (section 12.2).
        """
        rules = self._rules.for_client(client_id)
        seen = peek(token)
        if seen.issuer != rules.issuer or seen.algorithm not in rules.algorithms:
            raise AuthenticationFailed("the ID token's issuer or algorithm is not the issuer's (I1, I3)")
        claims = verify(token, await self.keys.find(seen.kid, seen.algorithm), rules, self._now())
        given = nonce if renewed and "nonce" not in claims else claims.get("nonce")
        if not nonce or not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
            raise AuthenticationFailed("the ID token was made for another log-in (I7)")
        return self._rules.principal(claims, digest, self._now())

    def check(self, peer: Peer) -> None:
        """AuthenticationFailed when tokens of this issuer may not come from there."""
        self._sources.check(peer)


def make_issuers(
    settings: Settings, reactor: Any, now: Callable[[], float], kept: Mapping[str, Issuer] | None = None
) -> dict[str, Issuer]:
    """The configured issuers by exact `iss`, or ConfigurationError.

    One of `kept` whose settings did not change is taken as it is: with its keys, so that a reload works in an outage.
    """
    issuers: dict[str, Issuer] = {}
    for section in settings.issuers:
        if section.issuer in issuers:
            raise ConfigurationError(["issuers: two have the same `issuer`"])
        old = kept.get(section.issuer) if kept else None
        if old is not None and old.section == section:
            issuers[section.issuer] = old
        else:
            issuers[section.issuer] = Issuer(section, keys_for(section, reactor, now), now)
    if settings.gateway.name in issuers:
        raise ConfigurationError(["gateway.name: is also an issuer, whose subjects would be taken for accounts"])
    return issuers
