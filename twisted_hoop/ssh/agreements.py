"""A client's half of the key exchanges (RFC 8731, RFC 5656, mlkem768x25519-sha256).

Conch has the server's half of all of them, but no client's half of the hybrid one, so targets would get no
post-quantum protection of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from twisted_hoop.ssh.fields import MalformedMessage, string

_CIPHERTEXT = 1088
"""Bytes of an ML-KEM-768 ciphertext (FIPS 203, table 3)."""


class Agreement(Protocol):
    """One exchange. ValueError for an answer that cannot be."""

    @property
    def public(self) -> bytes:
        """What the client sends."""

    @property
    def digest(self) -> Callable[[bytes], Any]:
        """The hash of the exchange."""

    def secret(self, answer: bytes) -> bytes:
        """The shared secret K of the server's answer, encoded as it goes into the exchange hash."""


def mpint(value: bytes) -> bytes:
    """A number in big-endian bytes as an mpint (RFC 4251, section 5)."""
    value = value.lstrip(b"\0")
    return string(b"\0" + value if value and value[0] & 0x80 else value)


class Curve25519:
    """curve25519-sha256; its shared secret is never zero (RFC 8731, section 3: `cryptography` refuses such points)."""

    def __init__(self) -> None:
        self._key = x25519.X25519PrivateKey.generate()
        self.public = self._key.public_key().public_bytes_raw()
        self.digest = hashlib.sha256

    def secret(self, answer: bytes) -> bytes:
        """See `Agreement`."""
        return mpint(self._key.exchange(x25519.X25519PublicKey.from_public_bytes(answer)))


class NistCurve:
    """ecdh-sha2-nistp256, -384, -521."""

    def __init__(self, curve: ec.EllipticCurve, digest: Callable[[bytes], Any]) -> None:
        self._curve = curve
        self._key = ec.generate_private_key(curve)
        point = PublicFormat.UncompressedPoint
        self.public = self._key.public_key().public_bytes(Encoding.X962, point)
        self.digest = digest

    def secret(self, answer: bytes) -> bytes:
        """See `Agreement`."""
        theirs = ec.EllipticCurvePublicKey.from_encoded_point(self._curve, answer)
        return mpint(self._key.exchange(ec.ECDH(), theirs))


class Hybrid:
    """mlkem768x25519-sha256: K is the hash of both secrets, a string and not an mpint."""

    def __init__(self) -> None:
        self._lattice = mlkem.MLKEM768PrivateKey.generate()
        self._curve = x25519.X25519PrivateKey.generate()
        self.public = self._lattice.public_key().public_bytes_raw() + self._curve.public_key().public_bytes_raw()
        self.digest = hashlib.sha256

    def secret(self, answer: bytes) -> bytes:
        """See `Agreement`."""
        if len(answer) != _CIPHERTEXT + 32:
            raise MalformedMessage("a hybrid key exchange of a wrong length")
        lattice = self._lattice.decapsulate(answer[:_CIPHERTEXT])
        curve = self._curve.exchange(x25519.X25519PublicKey.from_public_bytes(answer[_CIPHERTEXT:]))
        return string(hashlib.sha256(lattice + curve).digest())


_MADE: dict[bytes, Callable[[], Agreement]] = {
    b"mlkem768x25519-sha256": Hybrid,
    b"curve25519-sha256": Curve25519,
    b"curve25519-sha256@libssh.org": Curve25519,
    b"ecdh-sha2-nistp256": lambda: NistCurve(ec.SECP256R1(), hashlib.sha256),
    b"ecdh-sha2-nistp384": lambda: NistCurve(ec.SECP384R1(), hashlib.sha384),
    b"ecdh-sha2-nistp521": lambda: NistCurve(ec.SECP521R1(), hashlib.sha512),
}


def make_agreement(name: bytes) -> Agreement:
    """A new exchange of this method."""
    return _MADE[name]()
