"""The gateway's own tokens at the one door: made for who is vouched for, good for as long as that is so (I8, I9)."""

from __future__ import annotations

import hashlib
from pathlib import Path

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.own_issuer import Issued, OwnIssuer, Shown, terms_in
from twisted_hoop.identity.own_keys import load_own_keys
from twisted_hoop.identity.stating import TERMS
from twisted_hoop.identity.tokens import Peek
from twisted_hoop.identity.vouching import Vouching
from twisted_hoop.model import Principal
from twisted_hoop.settings import Settings


class OwnTokens:
    """See the module. Without an issuer there are none, and none that was made before is good."""

    def __init__(self, own: OwnIssuer | None, vouching: Vouching) -> None:
        self._own = own
        self._vouching = vouching
        self.url = own.url if own is not None else ""
        self._rules = "\n".join(section.model_dump_json() for section in own.section.actors) if own is not None else ""

    def made(self, seen: Peek) -> bool:
        """Whether a token says it is ours."""
        return self._own is not None and seen.issuer == self._own.url

    def issue(self, principal: Principal, lifetime: float | None, audience: str) -> Issued:
        """See OwnIssuer.issue."""
        if self._own is None:
            raise AuthenticationFailed("this gateway has no issuer of its own")
        return self._own.issue(principal, self.terms(principal), lifetime, audience)

    def shown(self, token: str, seen: Peek, digest: str) -> Shown:
        """Whom a token restores, while everybody it stands on is vouched for as when it was made."""
        assert self._own is not None, "nobody asks before `made` said so"
        shown = self._own.shown(token, seen, digest)
        if self.terms(shown.principal) != shown.terms:
            raise AuthenticationFailed("the settings of its issuers or accounts have changed since it was made (I9)")
        return shown

    def unchanged(self, principal: Principal) -> bool:
        """Whether the token somebody showed would still be taken: its key, its issuers, who may act for whom (I9)."""
        if self._own is None or not self._own.still_signs(principal):
            return False
        return self.terms(principal) == terms_in(principal)

    def terms(self, principal: Principal) -> str:
        """Those of who vouches; where somebody acts, also who may: a rule taken back ends what it permitted."""
        terms = self._vouching.terms(principal)
        if not terms or not principal.chain:
            return terms
        return hashlib.sha256(f"{terms}\n{self._rules}".encode()).hexdigest()[:TERMS]


def own_issuer_of(settings: Settings, state: Path) -> OwnIssuer | None:
    """The issuer a configuration asks for, with its keys; None without one. Blocks; see `load_own_keys`."""
    section = settings.own_issuer
    if not section.enabled:
        return None
    return OwnIssuer(section, settings.gateway.url, load_own_keys(section, state))
