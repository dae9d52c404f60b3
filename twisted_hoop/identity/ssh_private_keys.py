"""Private keys of SSH: read from text, made, and used to sign. They never show themselves (R11)."""

from __future__ import annotations

from typing import Union

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from twisted_hoop.identity.ssh_keys import RSA_HASHES, PublicKey, curve_hash, public_key_of
from twisted_hoop.identity.ssh_wire import mpint, strings

RawPrivate = Union[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey]
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"


class PrivateKey:
    """One key pair. `public` may be shown; the rest is for `sign` alone."""

    __slots__ = ("_raw", "public")

    def __init__(self, raw: RawPrivate) -> None:
        self._raw = raw
        self.public: PublicKey = public_key_of(raw.public_key())

    def sign(self, data: bytes, algorithm: bytes = b"") -> bytes:
        """A whole signature, its algorithm's name before it. `algorithm`: one of `public.algorithms`, else the best."""
        used = algorithm or self.public.algorithms[0]
        if used not in self.public.algorithms:
            raise ValueError(f"this key does not sign with {used.decode('ascii', 'backslashreplace')}")
        raw = self._raw
        if isinstance(raw, ed25519.Ed25519PrivateKey):
            return strings(used, raw.sign(data))
        if isinstance(raw, rsa.RSAPrivateKey):
            return strings(used, raw.sign(data, padding.PKCS1v15(), RSA_HASHES[used]))
        r, s = utils.decode_dss_signature(raw.sign(data, ec.ECDSA(curve_hash(raw.public_key()))))
        return strings(used, strings(mpint(r), mpint(s)))

    def openssh(self) -> bytes:
        """The file OpenSSH would write, without a passphrase. To be written with mode 0600."""
        return self._raw.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


def new_private_key() -> PrivateKey:
    """A fresh Ed25519 key pair."""
    return PrivateKey(ed25519.Ed25519PrivateKey.generate())


def parse_private_key(text: bytes) -> PrivateKey:
    """The key of an OpenSSH or PEM private key file, or ValueError, which never quotes it.

    Keys with a passphrase are refused: there is nobody to type it.
    """
    text = text.strip() + b"\n"
    load = load_ssh_private_key if text.startswith(_OPENSSH) else load_pem_private_key
    try:
        raw = load(text, None)
    except TypeError:
        raise ValueError(
            "the key has a passphrase: store it without (ssh-keygen -p), protected by its file's mode"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("not an unencrypted private key in the format of OpenSSH or in PEM") from None
    if not isinstance(raw, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey)):
        raise ValueError("keys are Ed25519, ECDSA (nistp256, nistp384, nistp521) or RSA")
    return PrivateKey(raw)
