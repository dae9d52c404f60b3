"""Logins with keys and certificates of SSH: behind the one door (I8), which adds locks and counting.

Identity comes from the key whose signature is verified here, in the same call (S5, CVE-2024-45337).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.accounts import Accounts
from twisted_hoop.identity.own_issuer import origin_of
from twisted_hoop.identity.own_tokens import OwnTokens
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.identity.ssh_certificates import Certificate, is_certificate, parse_certificate
from twisted_hoop.identity.ssh_identity import Certified, terms_in
from twisted_hoop.identity.ssh_keys import PublicKey, parse_blob
from twisted_hoop.identity.vouching import Vouching
from twisted_hoop.interfaces import IReplayGuard
from twisted_hoop.model import Peer, Principal

_CERTIFICATE = b"-cert-v01@openssh.com"


@dataclass(frozen=True, slots=True)
class Shown:
    """A key or certificate that could be accepted: the key that must have signed, and whom it would prove."""

    key: PublicKey
    principal: Principal
    certificate: Certificate | None = None


class SshLogins:
    """What keys and certificates prove under the present settings. Without an authority, certificates prove nothing."""

    def __init__(
        self,
        authority: SshAuthority | None,
        vouching: Vouching,
        accounts: Accounts,
        replay: IReplayGuard,
        now: Callable[[], float],
        own: OwnTokens | None = None,
    ) -> None:
        self._authority = authority
        self._vouching = vouching
        self._accounts = accounts
        self._replay = replay
        self._now = now
        self._own = own if own is not None else OwnTokens(None, vouching)

    def shown(self, blob: bytes, algorithm: bytes, peer: Peer) -> Shown:
        """What is shown, if it could be accepted from there; AuthenticationFailed otherwise. Proves nothing yet."""
        try:
            certificate = parse_certificate(blob) if is_certificate(blob) else None
            key = certificate.key if certificate is not None else parse_blob(blob)
        except ValueError as error:
            raise AuthenticationFailed(f"not a usable key or certificate: {error}") from None
        certified = algorithm.endswith(_CERTIFICATE)
        if certified != (certificate is not None) or signature_algorithm(algorithm) not in key.algorithms:
            raise AuthenticationFailed("the algorithm is not one of what is shown (S5)")
        return self._key(key, peer) if certificate is None else self._certificate(certificate, peer)

    async def proved(self, blob: bytes, algorithm: bytes, signature: bytes, data: bytes, peer: Peer) -> Principal:
        """The principal, once the signature over `data` is the shown key's, made with the announced algorithm."""
        shown = self.shown(blob, algorithm, peer)
        if not shown.key.verify(signature, data, signature_algorithm(algorithm)):
            raise AuthenticationFailed("the signature is not the shown key's (S5)")
        if shown.certificate is not None:
            await self._first_use(shown.principal, shown.certificate)
        return shown.principal

    def certify(self, principal: Principal, key: PublicKey, seconds: float | None) -> Certificate:
        """A user certificate for the key, of `seconds` at most. ValueError when there can be none."""
        if self._authority is None:
            raise ValueError("this gateway has no SSH listener, so nobody wants certificates")
        until = float("inf") if seconds is None else self._now() + seconds
        terms = self._terms(principal)
        if not terms:
            raise ValueError("somebody who is part of this identity comes from an issuer that is not configured here")
        return self._authority.issue_user(principal, key, until, terms)

    def unchanged(self, principal: Principal) -> bool:
        """Whether the settings a certificate was made under still hold, for a session that lives (I9)."""
        if origin_of(principal):
            return self._own.unchanged(principal)
        return self._vouching.terms(principal) == terms_in(principal)

    def _terms(self, principal: Principal) -> str:
        """Those of the token, where an exchanged one is certified: what ends it ends the certificate (I9)."""
        return self._own.terms(principal) if origin_of(principal) else self._vouching.terms(principal)

    def _certificate(self, certificate: Certificate, peer: Peer) -> Shown:
        if self._authority is None:
            raise AuthenticationFailed("there is no authority for certificates")
        certified = self._authority.principal_of(certificate, peer)
        self._check_terms(certified)
        self._vouching.check(certified.principal, peer)
        return Shown(certificate.key, certified.principal, certificate)

    def _key(self, key: PublicKey, peer: Peer) -> Shown:
        account = self._accounts.by_ssh_key(key.blob)
        if account is None:
            raise AuthenticationFailed("no account has this key")
        account.check(peer, self._now())
        return Shown(key, account.principal("ssh-key", key.blob))

    def _check_terms(self, certified: Certified) -> None:
        """Who vouched for it is unchanged since."""
        if not self.unchanged(certified.principal):
            raise AuthenticationFailed("the settings of its issuer or account have changed since it was made (I9)")

    async def _first_use(self, principal: Principal, certificate: Certificate) -> None:
        """A certificate made of a one-time token is one, too (I10)."""
        if not self._vouching.one_time(principal):
            return
        name = f"ssh-certificate {certificate.serial}"
        if not await self._replay.first_use(principal.issuer, name, float(certificate.valid_before)):
            raise AuthenticationFailed("the certificate was used before (I10)")


def signature_algorithm(announced: bytes) -> bytes:
    """`rsa-sha2-512-cert-v01@openssh.com` → `rsa-sha2-512`: what the signature itself must name."""
    if not announced.endswith(_CERTIFICATE):
        return announced
    plain = announced.removesuffix(_CERTIFICATE)
    return plain + b"@openssh.com" if plain.startswith(b"sk-") else plain
