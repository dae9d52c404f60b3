"""The one door for every credential (I8): tokens, SCRAM logins of accounts, keys and certificates of SSH."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from zope.interface import implementer

from twisted_hoop.errors import AuthenticationFailed, IssuerUnavailable
from twisted_hoop.identity.accounts import Account, Accounts
from twisted_hoop.identity.issuers import Issuer, make_issuers
from twisted_hoop.identity.locks import Lock, Locks
from twisted_hoop.identity.own_issuer import PROOF as EXCHANGED
from twisted_hoop.identity.own_issuer import Issued, OwnIssuer, origin_of
from twisted_hoop.identity.own_tokens import OwnTokens
from twisted_hoop.identity.replay import ReplayGuard
from twisted_hoop.identity.saml_logins import PROOF as BY_SAML
from twisted_hoop.identity.saml_logins import SamlLogins
from twisted_hoop.identity.scram import PLAIN, ScramServer
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.identity.ssh_certificates import Certificate
from twisted_hoop.identity.ssh_identity import PROOF
from twisted_hoop.identity.ssh_keys import PublicKey
from twisted_hoop.identity.ssh_logins import SshLogins
from twisted_hoop.identity.tokens import Peek, looks_like_jwt, peek
from twisted_hoop.identity.vouching import Vouching
from twisted_hoop.interfaces import IIdentityProvider, IReplayGuard, IScramProvider, ISshIdentityProvider
from twisted_hoop.model import Peer, Principal
from twisted_hoop.settings import Settings

MAX_CACHED = 10_000


@dataclass(frozen=True, slots=True)
class _Known:
    """A token that was verified. `good` tells whether it would still be; `space` is where its id is one of many."""

    principal: Principal
    check: Callable[[Peer], None]
    good: Callable[[float], bool]
    until: float
    one_time: bool
    space: str
    token_id: str
    forget: float


@implementer(IIdentityProvider, IScramProvider, ISshIdentityProvider)
class IdentityProvider:
    """Proves principals by the settings. A reload replaces the provider whole, naming the `previous` one.

    What lives on then: locks, used one-time tokens, and the keys of issuers whose settings did not change. Tokens of
    the others must be shown again: live sessions do not keep what the new settings would not give (I9). `counted` is
    told how each authentication ended: "ok", "failed" or "unavailable"; `looked_up` whether a token was known.
    `authority` makes certificates of SSH, `own` the gateway's own tokens.
    """

    def __init__(
        self,
        settings: Settings,
        reactor: Any,
        *,
        now: Callable[[], float] = time.time,
        locks: Locks | None = None,
        replay: Any = None,
        previous: IdentityProvider | None = None,
        counted: Callable[[str], None] = lambda result: None,
        looked_up: Callable[[bool], None] = lambda hit: None,
        authority: SshAuthority | None = None,
        own: OwnIssuer | None = None,
    ) -> None:
        self._counted = counted
        self._looked_up = looked_up
        kept_locks = previous.locks if previous else Locks(now)
        self.locks: Locks = locks if locks is not None else kept_locks
        self._grace = settings.gateway.grace
        self._now = now
        kept = previous._replay if previous else ReplayGuard(now)
        self._replay: IReplayGuard = replay if replay is not None else kept
        self._issuers: dict[str, Issuer] = make_issuers(settings, reactor, now, previous._issuers if previous else None)
        self._accounts = Accounts(settings)
        self._secret = self._accounts.secret
        self.saml = SamlLogins(settings, reactor, self._replay, now)
        self._vouching = Vouching(self._issuers, self._accounts, now, self.saml.sections)
        self._own = OwnTokens(own, self._vouching)
        self._ssh = SshLogins(authority, self._vouching, self._accounts, self._replay, now, self._own)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._changed: frozenset[str] = frozenset()
        if previous is not None:
            self._take_over(previous)

    def describe(self) -> list[dict[str, Any]]:
        """The issuers, for health: name, issuer, how many keys, when they were loaded (POSIX), what is wrong or ""."""
        found = []
        for issuer in self._issuers.values():
            keys, loaded, problem = issuer.keys.describe()
            named = {"name": issuer.section.name, "issuer": issuer.section.issuer}
            found.append({**named, "keys": keys, "loaded": loaded, "problem": problem})
        return [*found, *self.saml.describe()]

    async def authenticate(self, credential: str, peer: Peer) -> Principal:
        """The principal a bearer credential (JWT or account token) proves, or raise AuthenticationFailed."""
        with _counting(self._counted):
            return await self._proved(credential, peer)

    async def _proved(self, credential: str, peer: Peer) -> Principal:
        digest = hashlib.sha256(credential.encode("utf-8", "surrogatepass")).digest()
        if not looks_like_jwt(credential):
            return self._admit_account(self._accounts.by_token(digest), "account-token", peer)
        known = self._known.get(digest)
        hit = known is not None and self._still_good(known)
        self._looked_up(hit)
        if known is None or not hit:
            known = await self._verified(credential, digest)
        known.check(peer)
        self._vouching.check_acting(known.principal, peer)  # by the settings in force, also of a token known before
        self._check_locks(known.principal)
        if known.one_time and not await self._replay.first_use(known.space, known.token_id, known.forget):
            raise AuthenticationFailed("the token was used before (I10)")
        return known.principal

    async def browser_login(
        self, issuer: str, token: str, client_id: str, nonce: str, peer: Peer, renews: Principal | None = None
    ) -> Principal:
        """The principal an ID token proves that `issuer` gave `client_id` for `nonce`, or raise AuthenticationFailed.

        The same door (I8): keys, claims, source ranges and locks are looked at as for every token. It is not remembered
        as a bearer token, whose audience is another. One that `renews` a log-in must be of the same person.
        """
        with _counting(self._counted):
            found = self._issuers.get(issuer)
            if found is None:
                raise AuthenticationFailed("the issuer of the log-in is not configured any more (I3)")
            digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
            principal = await found.browser_login(token, client_id, nonce, digest, renewed=renews is not None)
            if renews is not None and principal.key != renews.key:
                raise AuthenticationFailed("the renewed token is somebody else's")
            found.check(peer)
            self._vouching.check_acting(principal, peer)
            self._check_locks(principal)
            return principal

    async def saml_login(self, name: str, sent: str, request: str, peer: Peer) -> Principal:
        """The principal a SAML answer proves that was posted to us for this request, or raise AuthenticationFailed.

        The same door (I8): source ranges, what was used before, and locks are looked at as for every credential.
        """
        with _counting(self._counted):
            principal = await self.saml.proved(name, sent, request, peer)
            self._check_locks(principal)
            return principal

    def still_valid(self, principal: Principal) -> bool:
        """Whether a live session may go on: neither expired beyond grace, nor locked, nor its proof withdrawn (I9)."""
        if principal.expires is not None and self._now() >= principal.expires + self._grace:
            return False
        if self._lock_on(principal) is not None or not self._vouching.still_act(principal):
            return False
        if principal.proof == EXCHANGED:
            return self._own.unchanged(principal)
        if principal.proof == PROOF:
            return self._ssh.unchanged(principal)
        if principal.proof == BY_SAML:
            return self.saml.unchanged(principal)
        if principal.proof != "jwt":
            return self._accounts.unchanged(principal)
        if principal.issuer in self._changed:
            return bytes.fromhex(principal.proof_id) in self._known
        return principal.issuer in self._issuers

    def caps(self, principal: Principal) -> list[tuple[str, int]]:
        """How many sessions each of those may have who act for it (I10): (key, most)."""
        return self._vouching.caps(principal)

    def has_scram(self, user: str) -> bool:
        """Whether this name is an account with a SCRAM verifier."""
        account = self._accounts.by_name(user)
        return account is not None and account.verifier is not None

    def scram(self, user: str, peer: Peer, channel_binding: bytes | None = None) -> ScramLogin:
        """Start a SCRAM login. Somebody unknown gets one that looks the same and fails at its end."""
        account = self._accounts.by_name(user)
        verifier = account.verifier if account is not None else None
        server = ScramServer(verifier, user=user, secret=self._secret, channel_binding=channel_binding)
        return ScramLogin(server, lambda: self._admit_account(account, "scram", peer), self._counted)

    def accepts_ssh(self, blob: bytes, algorithm: bytes, peer: Peer) -> bool:
        """Whether this key or certificate could log in from there, if its owner signed so."""
        try:
            self._check_locks(self._ssh.shown(blob, algorithm, peer).principal)
        except AuthenticationFailed:
            return False
        return True

    async def authenticate_ssh(
        self, blob: bytes, algorithm: bytes, signature: bytes, data: bytes, peer: Peer
    ) -> Principal:
        """The principal that the signature over `data` proves, or raise AuthenticationFailed."""
        with _counting(self._counted):
            principal = await self._ssh.proved(blob, algorithm, signature, data, peer)
            self._check_locks(principal)
            return principal

    def certify_ssh(self, principal: Principal, key: PublicKey, seconds: float | None = None) -> Certificate:
        """A user certificate of the principal's; ValueError when there can be none."""
        return self._ssh.certify(principal, key, seconds)

    def issue(self, principal: Principal, lifetime: float | None = None, audience: str = "") -> Issued:
        """A token of the gateway's own for a principal this door has proved; see OwnIssuer.issue.

        What it may have (groups, targets, who acts) is what the principal has: narrow it before (`narrowing`).
        """
        return self._own.issue(principal, lifetime, audience)

    def _take_over(self, previous: IdentityProvider) -> None:
        """Tokens of issuers that are the same are still known; those of the others were verified by other rules."""
        same = {issuer for issuer, one in self._issuers.items() if previous._issuers.get(issuer) is one}
        self._known.update((k, v) for k, v in previous._known.items() if v.space in same)
        self._changed = previous._changed | (frozenset(self._issuers) - same)

    def _admit_account(self, account: Account | None, proof: str, peer: Peer) -> Principal:
        if account is None:
            raise AuthenticationFailed("no account has this token")
        account.check(peer, self._now())
        principal = account.principal(proof)
        self._check_locks(principal)
        return principal

    def _check_locks(self, principal: Principal) -> None:
        lock = self._lock_on(principal)
        if lock is not None:
            raise AuthenticationFailed(f"locked: {lock.kind} {lock.value}: {lock.reason}")

    def _lock_on(self, principal: Principal) -> Lock | None:
        """What shuts it out; a lock on our own issuer shuts out every token we exchanged, and what was made of it."""
        exchanged = self._own.url if origin_of(principal) else ""
        return self.locks.holds(principal) or (self.locks.find("issuer", exchanged) if exchanged else None)

    def _still_good(self, known: _Known) -> bool:
        """Not expired, and verified with keys that are still the issuer's (I3)."""
        now = self._now()
        return now < known.until and known.good(now)

    async def _verified(self, token: str, digest: bytes) -> _Known:
        seen = peek(token)
        if self._own.made(seen):
            known = self._restored(token, seen, digest.hex())
        else:
            known = await self._foreign(token, seen, digest.hex())
        self._known[digest] = known
        while len(self._known) > MAX_CACHED:
            self._known.popitem(last=False)
        return known

    async def _foreign(self, token: str, seen: Peek, digest: str) -> _Known:
        issuer = self._issuers.get(seen.issuer)
        if issuer is None:
            raise AuthenticationFailed("the token's issuer is not configured (I3)")
        principal, claims = await issuer.principal(token, seen, digest)
        assert principal.expires is not None
        keys, generation, until = issuer.keys, issuer.keys.generation, float(claims["exp"])

        def good(now: float) -> bool:
            return keys.generation == generation and keys.fresh(now)

        token_id, forget = str(claims.get("jti", "")), until + issuer.section.leeway
        return _Known(principal, issuer.check, good, until, issuer.one_time, principal.issuer, token_id, forget)

    def _restored(self, token: str, seen: Peek, digest: str) -> _Known:
        """A token of our own: whoever vouched for those it was made from is asked again, wherever it is shown."""
        shown = self._own.shown(token, seen, digest)
        principal, own = shown.principal, self._own
        assert principal.expires is not None
        return _Known(
            principal,
            lambda peer: self._vouching.check(principal, peer),
            lambda now: own.unchanged(principal),
            principal.expires,
            self._vouching.one_time(principal),
            own.url,
            shown.id,
            principal.expires,
        )


class ScramLogin:
    """A SCRAM login on its way: `mechanisms` to offer, then `first`, then `final`, which proves the principal."""

    def __init__(
        self, server: ScramServer, admit: Callable[[], Principal], counted: Callable[[str], None] = lambda result: None
    ) -> None:
        self._server = server
        self._admit = admit
        self._counted = counted
        self.mechanisms = server.mechanisms

    def first(self, data: bytes, mechanism: str = PLAIN) -> bytes:
        """As ScramServer.first."""
        return self._server.first(data, mechanism)

    def final(self, data: bytes) -> tuple[bytes, Principal]:
        """server-final-message and the principal; AuthenticationFailed also for expiry, source range and locks."""
        with _counting(self._counted):
            return self._server.final(data), self._admit()


@contextmanager
def _counting(counted: Callable[[str], None]) -> Iterator[None]:
    """Tell how the authentication inside ended."""
    try:
        yield
    except IssuerUnavailable:
        counted("unavailable")
        raise
    except AuthenticationFailed:
        counted("failed")
        raise
    counted("ok")
