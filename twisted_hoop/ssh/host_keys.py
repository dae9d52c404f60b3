"""Host keys on both legs: those our server shows, and those a target must show. No trust on first use (S17)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from twisted.conch.ssh.keys import Key

from twisted_hoop.errors import ConfigurationError, ProtocolError
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.identity.ssh_certificates import (
    HOST,
    Certificate,
    certificate_kind,
    is_certificate,
    parse_certificate,
)
from twisted_hoop.identity.ssh_keys import PublicKey, parse_blob, parse_line
from twisted_hoop.settings import TargetSection
from twisted_hoop.ssh.algorithms import CERTIFICATES, SIGNATURES, HostKey


def gateway_host_keys(authority: SshAuthority, name: str = "") -> tuple[HostKey, ...]:
    """What our server proves itself with: the plain key; for a `name` that was typed, a certificate of it first."""
    key = authority.host_key
    plain = HostKey(key.public.kind, key.public.blob, key.sign)
    if not name:
        return (plain,)
    certificate = authority.issue_host(name)
    return HostKey(certificate_kind(key.public.kind), certificate.blob, key.sign), plain


class TargetHostKeys:
    """What one target may prove itself with: pinned keys, or a certificate of an authority for `host` (S17)."""

    def __init__(self, section: TargetSection, host: str, now: Callable[[], float] = time.time) -> None:
        """`host` is the name a certificate must carry. ConfigurationError for a line that is no key."""
        self._target = section.name
        self._host = host
        self._now = now
        self._pinned = {key.blob: key for key in _keys(section.host_keys, f"targets ({section.name}): host_keys")}
        self._authorities = {key.blob for key in _keys(section.host_ca, f"targets ({section.name}): host_ca")}

    @property
    def algorithms(self) -> tuple[bytes, ...]:
        """What to ask the target for: only what could be accepted, so that it shows the key that is pinned."""
        pinned = [name for key in self._pinned.values() for name in key.algorithms]
        return (*(CERTIFICATES if self._authorities else ()), *(name for name in SIGNATURES if name in pinned))

    async def verify(self, blob: bytes) -> Key:
        """The key that must have signed the exchange, or raise ProtocolError."""
        return Key(self.check(blob).raw)

    def check(self, blob: bytes) -> PublicKey:
        """The same, as a key of ours."""
        try:
            if is_certificate(blob):
                return self._certified(parse_certificate(blob))
            key = parse_blob(blob)
        except ValueError as error:
            raise self._refused(f"shows a host key that cannot be used: {error}") from None
        if key.blob not in self._pinned:
            raise self._refused(
                f"shows a host key that is not the configured one: {key.kind.decode()} {key.fingerprint}"
            )
        return key

    def _certified(self, certificate: Certificate) -> PublicKey:
        if certificate.authority.blob not in self._authorities:
            by = certificate.authority.fingerprint
            raise self._refused(f"shows a host certificate of an authority that is not configured: {by}")
        if not certificate.verified():
            raise self._refused("shows a host certificate whose signature is wrong")
        if certificate.type != HOST or certificate.critical:
            raise self._refused("shows a certificate that is not one of a host, or has options nobody understands")
        if not certificate.lives(self._now()):
            raise self._refused("shows a host certificate that has expired, or is not valid yet")
        if self._host.lower() not in (name.lower() for name in certificate.principals):
            raise self._refused(f"shows a host certificate that is not for {self._host}")
        return certificate.key

    def _refused(self, why: str) -> ProtocolError:
        return ProtocolError(f"target {self._target} {why}", "target", "host-key")


def _keys(lines: Sequence[str], where: str) -> list[PublicKey]:
    try:
        return [parse_line(line) for line in lines]
    except ValueError as error:
        raise ConfigurationError([f"{where}: {error}"]) from None
