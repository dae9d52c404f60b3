"""Who vouches for a principal now: the issuer or account it came from, by the settings in force. Pure.

What the gateway itself signs (tokens, certificates) outlives the moment in which somebody was proved. It says under
which settings that was (`terms`), and is worth nothing once they are others (I9).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Union

from twisted_hoop.identity.accounts import Account, Accounts
from twisted_hoop.identity.issuers import Issuer
from twisted_hoop.identity.sources import SourceRanges
from twisted_hoop.identity.ssh_identity import terms_of
from twisted_hoop.identity.stating import TERMS
from twisted_hoop.model import Peer, Principal
from twisted_hoop.settings import SamlSection


class Vouching:
    """See the module. People of `saml` come from an entity id as others from an issuer."""

    def __init__(
        self,
        issuers: Mapping[str, Issuer],
        accounts: Accounts,
        now: Callable[[], float],
        saml: Iterable[SamlSection] = (),
    ) -> None:
        self._issuers = issuers
        self._accounts = accounts
        self._now = now
        self._terms = {issuer: terms_of(one.section) for issuer, one in issuers.items()}
        self._sources: dict[str, SourceRanges] = {}
        self._saml_sessions: dict[str, int] = {}
        for section in saml:
            self._saml_sessions[section.entity_id] = section.max_sessions
            self._terms[section.entity_id] = terms_of(section)
            self._sources[section.entity_id] = SourceRanges(section.sources, f"saml ({section.name})")

    def terms(self, principal: Principal) -> str:
        """The terms of those who vouch for it, and for all whose rights bound its; "" when one of them is gone."""
        found = [self._terms_of(each) for each in everyone(principal)]
        if not all(found):
            return ""
        return found[0] if len(found) == 1 else hashlib.sha256("\n".join(found).encode("ascii")).hexdigest()[:TERMS]

    def check(self, principal: Principal, peer: Peer) -> None:
        """AuthenticationFailed when one of them may not come from there, or is an account that has expired (I10)."""
        for each in everyone(principal):
            self._check_place(each, peer)
        self.check_acting(principal, peer)

    def check_acting(self, principal: Principal, peer: Peer) -> None:
        """The same of those who act for it by a foreign issuer's word, as far as they are known here (I10)."""
        for actor in acting(principal):
            self._check_place(actor, peer)

    def _check_place(self, each: Principal, peer: Peer) -> None:
        owner = self.owner(each)
        if isinstance(owner, Account):
            owner.check(peer, self._now())
        elif owner is not None:
            owner.check(peer)
        elif each.issuer in self._sources:
            self._sources[each.issuer].check(peer)

    def still_act(self, principal: Principal) -> bool:
        """Whether no account that acts for it has expired (I9)."""
        owners = (self.owner(actor) for actor in acting(principal))
        return not any(isinstance(owner, Account) and owner.expired(self._now()) for owner in owners)

    def caps(self, principal: Principal) -> list[tuple[str, int]]:
        """How many sessions each of those may have who act for it, by the settings in force: see `sessions.Caps`."""
        found = [(actor.key, self._most(actor)) for actor in acting(principal)]
        return [(key, most) for key, most in found if most]

    def _most(self, principal: Principal) -> int:
        owner = self.owner(principal)
        return self._saml_sessions.get(principal.issuer, 0) if owner is None else owner.section.max_sessions

    def one_time(self, principal: Principal) -> bool:
        """Whether what one of them stands on may be used once only (I10)."""
        return any(isinstance(o := self.owner(each), Issuer) and o.one_time for each in everyone(principal))

    def owner(self, principal: Principal) -> Union[Issuer, Account, None]:
        """The issuer or account one principal came from; None for those of another kind, and those that are gone."""
        if principal.issuer == self._accounts.issuer:
            return self._accounts.by_name(principal.subject)
        return self._issuers.get(principal.issuer)

    def _terms_of(self, principal: Principal) -> str:
        if principal.issuer == self._accounts.issuer:
            account = self._accounts.by_name(principal.subject)
            return terms_of(account.section) if account is not None else ""
        return self._terms.get(principal.issuer, "")


def acting(principal: Principal) -> Iterable[Principal]:
    """Those who act for the principal, by their names alone."""
    return (Principal(actor.issuer, actor.subject) for actor in principal.chain)


def everyone(principal: Principal) -> Iterable[Principal]:
    """The principal, and those whose rights bound its."""
    return (principal, *principal.within)
