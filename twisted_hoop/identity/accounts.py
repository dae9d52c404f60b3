"""Service accounts the gateway itself knows: tokens by digest, passwords by SCRAM verifier, SSH keys. Pure."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime

from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.identity.scram_keys import Verifier, parse_verifier
from twisted_hoop.identity.sources import SourceRanges
from twisted_hoop.identity.ssh_keys import parse_line
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
        self.section = section
        self._sources = SourceRanges(section.sources, where)
        self._expires = _moment(section.expires, where)
        self._scram_id = hashlib.sha256(section.scram.encode()).hexdigest()
        self._made: dict[str, Principal] = {}
        self.ssh_keys = frozenset(_ssh_key(line, where) for line in section.ssh_keys)

    def principal(self, proof: str, ssh_key: bytes = b"") -> Principal:
        """What a proof ("account-token", "scram", or "ssh-key" with the key's blob) makes of it."""
        section = self.section
        return Principal(
            issuer=self._issuer,
            subject=section.name,
            name=section.name,
            groups=frozenset(section.groups),
            kind=Kind(section.kind),
            proof=proof,
            expires=self._expires,
            proof_id=self._proof_id(proof, ssh_key),
            max_sessions=section.max_sessions,
        )

    def _proof_id(self, proof: str, ssh_key: bytes) -> str:
        if proof == "ssh-key":
            return hashlib.sha256(ssh_key).hexdigest()
        return self.section.token_sha256 if proof == "account-token" else self._scram_id

    def unchanged(self, principal: Principal) -> bool:
        """Whether a principal that logged in as this account would be the same now (I9: groups, token, keys)."""
        if principal.proof != "ssh-key":
            made = self._made.get(principal.proof)
            if made is None:  # asked for every request over HTTP, and always the same
                made = self._made[principal.proof] = self.principal(principal.proof)
            return made is principal or made == principal
        return any(self.principal("ssh-key", key) == principal for key in self.ssh_keys)

    def expired(self, now: float) -> bool:
        """Whether it has."""
        return self._expires is not None and now >= self._expires

    def check(self, peer: Peer, now: float) -> None:
        """AuthenticationFailed when it has expired or may not come from there."""
        if self.expired(now):
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
        self._by_ssh_key = {key: one for one in self._accounts.values() for key in one.ssh_keys}
        if len(self._by_ssh_key) != sum(len(one.ssh_keys) for one in self._accounts.values()):
            raise ConfigurationError(["accounts: two have the same SSH key"])

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

    def by_ssh_key(self, blob: bytes) -> Account | None:
        """The account that may log in with this key (a blob as in RFC 4253, section 6.6), if there is one."""
        return self._by_ssh_key.get(blob)

    def unchanged(self, principal: Principal) -> bool:
        """Whether a session's account still is what it was when it logged in (I9: groups, token, keys, removal)."""
        account = self._accounts.get(principal.subject)
        return account is not None and account.unchanged(principal)


def _verifier(text: str, where: str) -> Verifier | None:
    try:
        return parse_verifier(text) if text else None
    except ValueError as error:
        raise ConfigurationError([f"{where}: scram: {error}"]) from None


def _ssh_key(line: str, where: str) -> bytes:
    try:
        return parse_line(line).blob
    except ValueError as error:
        raise ConfigurationError([f"{where}: ssh_keys: {error}"]) from None


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
