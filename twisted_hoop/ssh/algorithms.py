"""What we offer to clients and to targets, in the order of our preference, and nothing else (S1, S3).

Left out on purpose: everything with SHA-1 or MD5, DSS, CBC, RC4, 3DES, encrypt-and-MAC, finite-field Diffie-Hellman
(slow, and Conch's has no modern group), compression.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twisted.conch.ssh.keys import Key

from twisted_hoop.ssh.ciphers import AEAD, COUNTER, MACS

KEY_EXCHANGES = (
    b"mlkem768x25519-sha256",
    b"curve25519-sha256",
    b"curve25519-sha256@libssh.org",
    b"ecdh-sha2-nistp256",
    b"ecdh-sha2-nistp384",
    b"ecdh-sha2-nistp521",
)
STRICT_CLIENT, STRICT_SERVER = b"kex-strict-c-v00@openssh.com", b"kex-strict-s-v00@openssh.com"
"""Announce the answer to Terrapin (S2) in the first KEXINIT; no key exchange methods."""
EXT_INFO_CLIENT, EXT_INFO_SERVER = b"ext-info-c", b"ext-info-s"
"""Announce RFC 8308 in the same way."""
GCM = tuple(name for name in AEAD if b"gcm" in name)
CIPHERS = (*AEAD, *COUNTER)
MAC_NAMES = tuple(MACS)
COMPRESSIONS = (b"none",)

SIGNATURES = (
    b"ssh-ed25519",
    b"ecdsa-sha2-nistp256",
    b"ecdsa-sha2-nistp384",
    b"ecdsa-sha2-nistp521",
    b"rsa-sha2-512",
    b"rsa-sha2-256",
)
"""Host keys we take from targets: the plain ones."""
USER_SIGNATURES = (*SIGNATURES, b"sk-ssh-ed25519@openssh.com", b"sk-ecdsa-sha2-nistp256@openssh.com")
"""What users may sign with; `server-sig-algs` of RFC 8308. It has nothing to do with our own host keys."""
_CERTIFICATE = b"-cert-v01@openssh.com"


def certificate_algorithm(signature: bytes) -> bytes:
    """The algorithm of a certificate whose key signs with `signature`."""
    if signature.endswith(b"@openssh.com"):
        return signature.removesuffix(b"@openssh.com") + _CERTIFICATE
    return signature + _CERTIFICATE


CERTIFICATES = tuple(certificate_algorithm(name) for name in SIGNATURES)
"""Host keys we take from targets when an authority is configured: those in certificates."""


def signature_algorithm(algorithm: bytes) -> bytes:
    """What a host key of this algorithm signs with: that of a certificate is that of its key."""
    return algorithm.removesuffix(_CERTIFICATE)


@dataclass(frozen=True, slots=True)
class HostKey:
    """A key this gateway proves itself with to clients, in one algorithm."""

    algorithm: bytes
    """As it is negotiated: `ssh-ed25519`, `rsa-sha2-512`, `ssh-ed25519-cert-v01@openssh.com`."""
    blob: bytes
    """The public key or the certificate."""
    sign: Callable[[bytes], bytes]
    """The whole signature, its algorithm's name included (RFC 4253, section 6.6)."""


def host_keys_of(key: Key, certificate: bytes = b"") -> tuple[HostKey, ...]:
    """A private key in every algorithm it can sign with; with the blob of its certificate those come first."""
    made: list[HostKey] = []
    names = [name for name in key.supportedSignatureAlgorithms() if name in SIGNATURES]
    for name in names if certificate else ():
        made.append(HostKey(certificate_algorithm(name), certificate, _signer(key, name)))
    made.extend(HostKey(name, key.blob(), _signer(key, name)) for name in names)
    return tuple(made)


def _signer(key: Key, algorithm: bytes) -> Callable[[bytes], bytes]:
    def sign(data: bytes) -> bytes:
        return key.sign(data, signatureType=algorithm)

    return sign


def by_algorithm(keys: Sequence[HostKey]) -> dict[bytes, HostKey]:
    """The first of each algorithm, in order."""
    found: dict[bytes, HostKey] = {}
    for key in keys:
        found.setdefault(key.algorithm, key)
    return found
