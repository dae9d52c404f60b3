"""The gateway's certificate authority for SSH: certificates of people, of sessions towards targets, of hosts. No I/O.

Three kinds, and none can be taken for another: a user certificate has the principal `hoop:…` and says who somebody is;
a session's has the account at the target, and says nothing of the kind, so the gateway does not let anybody in with it;
a host's is signed by another key.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.sources import SourceRanges
from twisted_hoop.identity.ssh_certificates import HOST, USER, Certificate, Wanted, sign_certificate
from twisted_hoop.identity.ssh_identity import (
    EXTENSION,
    Certified,
    pack_identity,
    principal_name,
    unpack_identity,
)
from twisted_hoop.identity.ssh_key_files import GatewayKeys
from twisted_hoop.identity.ssh_keys import PublicKey
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.model import Peer, Principal, Session
from twisted_hoop.settings import SshSection

SKEW = 60
"""Seconds a certificate is valid before it was made: clocks differ."""
SESSION_LIFE = 300
"""Seconds a session's certificate towards its target lives: for logging in, not for the session."""
MAX_HOSTS = 1000
_SOURCE_ADDRESS = "source-address"
_PERMITS = (
    "permit-X11-forwarding",
    "permit-agent-forwarding",
    "permit-port-forwarding",
    "permit-pty",
    "permit-user-rc",
)
_SESSION_PERMITS = _PERMITS[:-1]


@dataclass(frozen=True, slots=True)
class SessionKey:
    """What one session logs in at its target with: a key of its own, and the certificate of that key."""

    key: PrivateKey
    certificate: Certificate


class SshAuthority:
    """See the module. `now` gives POSIX time."""

    def __init__(self, keys: GatewayKeys, section: SshSection, now: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._section = section
        self._now = now
        self._hosts: OrderedDict[str, Certificate] = OrderedDict()

    @property
    def host_key(self) -> PrivateKey:
        """What the gateway's own listeners prove themselves with."""
        return self._keys.host_key

    @property
    def user_ca(self) -> PublicKey:
        """For TrustedUserCAKeys of targets."""
        return self._keys.user_ca.public

    @property
    def host_ca(self) -> PublicKey:
        """For `@cert-authority` in clients' known_hosts."""
        return self._keys.host_ca.public

    def issue_user(self, principal: Principal, public_key: PublicKey, until: float, terms: str) -> Certificate:
        """A certificate of the principal's for that key, until `until` at most, never longer than what proved it.

        `terms`: see `ssh_identity.terms_of`. ValueError when there is no life left in it, or it would be too large.
        """
        now = self._now()
        ends = min(until, now + self._section.certificate_lifetime, *_given(principal.expires))
        if int(ends) <= now:
            raise ValueError("there is no time left to certify")
        wanted = Wanted(
            key=public_key,
            type=USER,
            serial=_serial(),
            key_id=_printable(f"{principal.label} ({principal.key})"),
            principals=(principal_name(principal),),
            valid_after=int(now) - SKEW,
            valid_before=int(ends),
            critical={},
            extensions={**dict.fromkeys(_PERMITS, b""), EXTENSION: pack_identity(principal, terms)},
        )
        return sign_certificate(wanted, self._keys.user_ca)

    def principal_of(self, certificate: Certificate, peer: Peer) -> Certified:
        """Whom a certificate names, with every check of S6; AuthenticationFailed otherwise.

        It does not say that the peer has the key: the signature over the login does.
        """
        if certificate.authority.blob != self.user_ca.blob:
            raise AuthenticationFailed("the certificate is signed by another authority (S6)")
        if not certificate.verified():
            raise AuthenticationFailed("the certificate's signature is not its authority's (S6)")
        if certificate.type != USER:
            raise AuthenticationFailed("the certificate is not one of a user (S6)")
        if not certificate.lives(self._now()):
            raise AuthenticationFailed("the certificate has expired, or is not valid yet (S6)")
        if not certificate.principals:
            raise AuthenticationFailed("the certificate has no principals (S6)")
        _check_critical(certificate, peer)
        return _identity(certificate)

    def issue_session(self, session: Session, login: str) -> SessionKey:
        """A fresh key and its certificate of five minutes, for logging in as `login` at the session's target.

        The key id is what the target logs: principal and session.
        """
        now = int(self._now())
        key = new_private_key()
        wanted = Wanted(
            key=key.public,
            type=USER,
            serial=_serial(),
            key_id=session_key_id(session),
            principals=(login,),
            valid_after=now - SKEW,
            valid_before=now + SESSION_LIFE,
            critical={},
            extensions=dict.fromkeys(_SESSION_PERMITS, b""),
        )
        return SessionKey(key, sign_certificate(wanted, self._keys.user_ca))

    def issue_host(self, name: str) -> Certificate:
        """The host certificate for a name somebody typed, of the listeners' own key; kept until half its life is over.

        ValueError for what is no name. Whether there is a target behind it is not asked here.
        """
        now = int(self._now())
        known = self._hosts.get(name)
        if known is not None and now < (known.valid_after + SKEW + known.valid_before) / 2:
            return known
        life = max(int(self._section.host_certificate_lifetime), SKEW)
        wanted = Wanted(
            self.host_key.public, HOST, _serial(), f"{name} at the gateway", (name,), now - SKEW, now + life, {}, {}
        )
        made = self._hosts[name] = sign_certificate(wanted, self._keys.host_ca)
        self._hosts.move_to_end(name)
        while len(self._hosts) > MAX_HOSTS:
            self._hosts.popitem(last=False)
        return made


def session_key_id(session: Session) -> str:
    """What a target logs of a session's certificate, whoever signs it: principal and session."""
    return _printable(f"{session.principal.label} ({session.principal.key}) session {session.id}")


def _given(expires: float | None) -> tuple[float, ...]:
    return () if expires is None else (expires,)


def _serial() -> int:
    """Unique without a store: 63 random bits."""
    return secrets.randbits(63)


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)[:512]


def _check_critical(certificate: Certificate, peer: Peer) -> None:
    """Unknown critical options refuse, as PROTOCOL.certkeys says; `force-command` and the like are unknown here."""
    for name, value in certificate.critical.items():
        if name != _SOURCE_ADDRESS:
            raise AuthenticationFailed("the certificate has a critical option that nobody here understands (S6)")
        try:
            ranges = [str(ipaddress.ip_network(part)) for part in value.decode("ascii").split(",")]
        except ValueError:
            raise AuthenticationFailed("the certificate's source-address is malformed (S6)") from None
        SourceRanges(ranges, _SOURCE_ADDRESS).check(peer)


def _identity(certificate: Certificate) -> Certified:
    data = certificate.extensions.get(EXTENSION)
    if data is None:
        raise AuthenticationFailed("the certificate does not say who it is for: it was not made by the gateway (S6)")
    try:
        found = unpack_identity(data, certificate.blob, float(certificate.valid_before))
    except ValueError as error:
        raise AuthenticationFailed(str(error)) from None
    if certificate.principals != (principal_name(found.principal),):
        raise AuthenticationFailed("the certificate's principals are not its identity (S6)")
    return found
