"""The certificates of agents: made by an authority of their own, and read. No I/O.

None can be taken for another kind: people's are signed by another key, hosts' are of another type, and an agent's says
nothing of a person. What it says is `name` and `ident`; both stand in an extension and in its principals.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.ssh_certificates import USER, Certificate, Wanted, sign_certificate
from twisted_hoop.identity.ssh_keys import PublicKey
from twisted_hoop.identity.ssh_private_keys import PrivateKey

EXTENSION = "agent@twisted-hoop"
KIND = b"ssh-ed25519"
"""The only kind of key that agents have."""
SKEW = 60
"""Seconds a certificate is valid before it was made: clocks differ."""
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
IDENT = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Certified:
    """What a certificate says: which agent, which installation, until when (POSIX)."""

    name: str
    ident: str
    until: float


class AgentAuthority:
    """See the module. `now` gives POSIX time."""

    def __init__(self, key: PrivateKey, now: Callable[[], float] = time.time) -> None:
        self._key = key
        self._now = now

    @property
    def public(self) -> PublicKey:
        """What signs agents' certificates."""
        return self._key.public

    def issue(self, name: str, ident: str, key: PublicKey, seconds: float) -> Certificate:
        """A certificate of that installation for its key. ValueError for another kind of key, or another's name."""
        if key.kind != KIND:
            raise ValueError("an agent's key is of kind ssh-ed25519")
        if not NAME.fullmatch(name) or not IDENT.fullmatch(ident):
            raise ValueError("not the name and id of an agent")
        now = int(self._now())
        wanted = Wanted(
            key=key,
            type=USER,
            serial=secrets.randbits(63),
            key_id=f"agent {name} {ident}",
            principals=(_principal(name, ident),),
            valid_after=now - SKEW,
            valid_before=now + int(seconds),
            critical={},
            extensions={EXTENSION: _packed(name, ident)},
        )
        return sign_certificate(wanted, self._key)

    def read(self, certificate: Certificate) -> Certified:
        """Which agent a certificate names; AuthenticationFailed for one that we did not make for an agent (S6).

        Whether it has ended is for the door to say, who knows of grace; that it has begun is looked at here. Who shows
        it need not have the key: the signature over the login says that.
        """
        if certificate.authority.blob != self.public.blob:
            raise AuthenticationFailed("the certificate is not signed by the authority for agents (S6)")
        if not certificate.verified():
            raise AuthenticationFailed("the certificate's signature is not its authority's (S6)")
        if certificate.type != USER or certificate.critical or certificate.key.kind != KIND:
            raise AuthenticationFailed("the certificate is not one of an agent (S6)")
        if certificate.valid_after > self._now():
            raise AuthenticationFailed("the certificate is not valid yet (S6)")
        name, ident = _unpacked(certificate.extensions.get(EXTENSION, b""))
        if len(certificate.extensions) != 1 or certificate.principals != (_principal(name, ident),):
            raise AuthenticationFailed("the certificate says more or less than which agent it is for (S6)")
        return Certified(name, ident, float(certificate.valid_before))


def _principal(name: str, ident: str) -> str:
    """No account of a target is called so, nor is a person: a slash stands in neither (passwd(5), ssh_identity)."""
    return f"hoop-agent/{name}/{ident}"


def _packed(name: str, ident: str) -> bytes:
    return json.dumps({"name": name, "ident": ident}, separators=(",", ":")).encode()


def _unpacked(data: bytes) -> tuple[str, str]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise AuthenticationFailed("the certificate does not say which agent it is for (S6)") from None
    name, ident = (found.get("name"), found.get("ident")) if isinstance(found, dict) else (None, None)
    if not isinstance(name, str) or not isinstance(ident, str) or len(found) != 2:
        raise AuthenticationFailed("the certificate does not say which agent it is for (S6)")
    if not NAME.fullmatch(name) or not IDENT.fullmatch(ident):
        raise AuthenticationFailed("the certificate names no agent (S6)")
    return name, ident
