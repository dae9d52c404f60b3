"""Service accounts the gateway itself knows: tokens by digest, passwords by SCRAM verifier. Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime

from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.identity.scram_keys import Verifier, parse_verifier
from twisted_hoop.identity.sources import SourceRanges
from twisted_hoop.model import Kind, Peer, Principal
from twisted_hoop.settings import AccountSection, Settings

TOKEN_PREFIX = "hoop_"  # noqa: S105  not a secret: it lets scanners recognise one


def new_account_token() -> tuple[str, str]:
    """A fresh token (256 random bits) and its SHA-256 in hex, which is all the configuration holds."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    return token, hashlib.sha256(token.encode("ascii")).hexdigest()


class Account:
    """One account. ConfigurationError for settings that cannot be used."""

    def __init__(self, section: AccountSection, gateway: str) -> None:
        where = f"accounts ({section.name})"
        self.name = section.name
        self.token_digest = bytes.fromhex(section.token_sha256) or secrets.token_bytes(32)  # none: one nobody has
        self.verifier = _verifier(section.scram, where)
        self._issuer = gateway
        self._section = section
        self._sources = SourceRanges(section.sources, where)
        self._expires = _moment(section.expires, where)
        self._scram_id = hashlib.sha256(section.scram.encode()).hexdigest()

    def principal(self, proof: str) -> Principal:
        """What a proof ("account-token" or "scram") makes of it."""
        section = self._section
        return Principal(
            issuer=self._issuer,
            subject=section.name,
            name=section.name,
            groups=frozenset(section.groups),
            kind=Kind(section.kind),
            proof=proof,
            expires=self._expires,
            proof_id=section.token_sha256 if proof == "account-token" else self._scram_id,
            max_sessions=section.max_sessions,
        )

    def check(self, peer: Peer, now: float) -> None:
        """AuthenticationFailed when it has expired or may not come from there."""
        if self._expires is not None and now >= self._expires:
            raise AuthenticationFailed(f"account {self.name} has expired")
        self._sources.check(peer)


class Accounts:
    """All of them."""

    def __init__(self, settings: Settings) -> None:
        self.issuer = settings.gateway.name
        self._accounts = {section.name: Account(section, self.issuer) for section in settings.accounts}
        if len(self._accounts) != len(settings.accounts):
            raise ConfigurationError(["accounts: two have the same name"])
        tokens = [section.token_sha256 for section in settings.accounts if section.token_sha256]
        if len(set(tokens)) != len(tokens):
            raise ConfigurationError(["accounts: two have the same token"])

    @property
    def secret(self) -> bytes:
        """What the salts of unknown accounts are made from: the same at every replica and after every restart, as real
        salts are, and known only to who knows all verifiers (random when there are none)."""
        verifiers = [str(account.verifier) for account in self._accounts.values() if account.verifier is not None]
        return hashlib.sha256("\n".join(verifiers).encode("ascii")).digest() if verifiers else secrets.token_bytes(32)

    def by_token(self, digest: bytes) -> Account | None:
        """The account whose token has this SHA-256. Takes the same time for every digest."""
        found = None
        for account in self._accounts.values():
            if hmac.compare_digest(account.token_digest, digest):
                found = account
        return found

    def by_name(self, name: str) -> Account | None:
        """The account, if there is one."""
        return self._accounts.get(name)

    def unchanged(self, principal: Principal) -> bool:
        """Whether a session's account still is what it was when it logged in (I9: groups, token, removal)."""
        account = self._accounts.get(principal.subject)
        return account is not None and account.principal(principal.proof) == principal


def _verifier(text: str, where: str) -> Verifier | None:
    try:
        return parse_verifier(text) if text else None
    except ValueError as error:
        raise ConfigurationError([f"{where}: scram: {error}"]) from None


def _moment(text: str, where: str) -> float | None:
    """RFC 3339 time as POSIX time; it must say its offset."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ConfigurationError([f"{where}: expires: write a time as 2027-01-31T00:00:00Z"])
    return moment.timestamp()
