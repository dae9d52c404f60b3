"""Identities renewed at their issuer while a visit goes on, so that short-lived tokens do not end it every few minutes.

What the issuer says then counts: other groups are the visit's groups from now on, and who may not come back is out at
the end of the token they have (I9).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from twisted_hoop.console.openid import OpenId
from twisted_hoop.console.visits import Visit, renew_at
from twisted_hoop.errors import AuthenticationFailed, IssuerUnavailable
from twisted_hoop.model import Peer, Principal

AGAIN = 10.0
"""Seconds until an issuer that could not be asked is asked again."""


class Renewal:
    """See the module. `identity` is the provider in force; `now` gives POSIX time."""

    _log = Logger()

    def __init__(self, identity: Any, now: Callable[[], float]) -> None:
        self._identity = identity
        self._now = now

    def due(self, visit: Visit, openid: OpenId) -> bool:
        """Whether it is time to renew the visit's identity, and can be."""
        return bool(visit.refresh) and self._now() >= visit.renew_at and openid.section.issuer == visit.principal.issuer

    async def renew(self, visit: Visit, openid: OpenId, peer: Peer) -> None:
        """Renew the visit's identity if it is time. Never raises: what cannot be renewed ends by itself."""
        if not self.due(visit, openid):
            return
        now = self._now()
        visit.renew_at = now + AGAIN  # whoever comes meanwhile does not ask as well: a refresh token may be for once
        try:
            visit.principal = await self._renewed(visit, openid, peer)
            visit.renew_at = max(renew_at(visit.principal, now), visit.renew_at)
        except IssuerUnavailable as fault:
            self._log.warn("an identity could not be renewed: {why}", why=str(fault))
        except AuthenticationFailed as fault:
            visit.refresh = ""
            self._log.info("an identity is not renewed: {why}", why=str(fault), principal=visit.principal.key)

    async def _renewed(self, visit: Visit, openid: OpenId, peer: Peer) -> Principal:
        tokens = await openid.renewed(visit.refresh)
        visit.refresh = tokens.refresh or visit.refresh
        issuer, client = openid.section.issuer, openid.section.client_id
        given = (issuer, tokens.id_token, client, visit.nonce, peer, visit.principal)
        principal: Principal = await self._identity.browser_login(*given)
        return principal
