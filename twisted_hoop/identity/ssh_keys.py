"""Public keys of SSH and the signatures they verify. Pure.

Sources: RFC 4253 section 6.6 (formats), RFC 8332 (rsa-sha2), RFC 8709 (Ed25519), RFC 5656 (ECDSA), and PROTOCOL.u2f of
OpenSSH (security keys). Signatures with SHA-1 (`ssh-rsa`) and DSA do not exist here (S3).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Union

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

from twisted_hoop.identity.ssh_wire import Reader, mpint, string, strings

RawKey = Union[rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey]

MAX_BLOB = 16 * 1024
_RSA_BITS = range(2048, 8193)
RSA_HASHES: dict[bytes, hashes.HashAlgorithm] = {b"rsa-sha2-512": hashes.SHA512(), b"rsa-sha2-256": hashes.SHA256()}
_CURVES: dict[bytes, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    b"nistp256": (ec.SECP256R1(), hashes.SHA256()),
    b"nistp384": (ec.SECP384R1(), hashes.SHA384()),
    b"nistp521": (ec.SECP521R1(), hashes.SHA512()),
}
SK_ED25519 = b"sk-ssh-ed25519@openssh.com"
SK_ECDSA = b"sk-ecdsa-sha2-nistp256@openssh.com"
_USER_PRESENT = 0x01
KINDS = (b"ssh-ed25519", *(b"ecdsa-sha2-" + name for name in _CURVES), SK_ED25519, SK_ECDSA, b"ssh-rsa")
"""The kinds of keys that are understood."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One public key: `kind` as in its blob, `blob` the only way to write it, `application` of a security key."""

    kind: bytes
    blob: bytes
    raw: RawKey
    application: bytes = b""

    @property
    def algorithms(self) -> tuple[bytes, ...]:
        """The signature algorithms it may be used with, best first."""
        return tuple(RSA_HASHES) if self.kind == b"ssh-rsa" else (self.kind,)

    @property
    def fingerprint(self) -> str:
        """As OpenSSH prints it: `SHA256:…`."""
        digest = hashlib.sha256(self.blob).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def line(self) -> str:
        """As in authorized_keys, without a comment."""
        return f"{self.kind.decode()} {base64.b64encode(self.blob).decode()}"

    def verify(self, signature: bytes, data: bytes, algorithm: bytes = b"") -> bool:
        """Whether it made the signature, with `algorithm` when one is given (twisted#12496), else any of its own.

        Never raises.
        """
        try:
            reader = Reader(signature)
            used, inner = reader.string(), reader.string()
            if used not in self.algorithms or (algorithm and used != algorithm):
                return False
            if self.application:
                data = self._as_security_key(reader, data)
            reader.end()
            self._verify(used, inner, data)
        except (ValueError, InvalidSignature):
            return False
        return True

    def _as_security_key(self, reader: Reader, data: bytes) -> bytes:
        """What a security key signs; ValueError when nobody touched it."""
        flags, counter = reader.take(1), reader.take(4)
        if not flags[0] & _USER_PRESENT:
            raise ValueError("the security key was not touched")
        return hashlib.sha256(self.application).digest() + flags + counter + hashlib.sha256(data).digest()

    def _verify(self, algorithm: bytes, signature: bytes, data: bytes) -> None:
        raw = self.raw
        if isinstance(raw, ed25519.Ed25519PublicKey):
            raw.verify(signature, data)
        elif isinstance(raw, rsa.RSAPublicKey):
            if len(signature) != (raw.key_size + 7) // 8:
                raise ValueError("the signature has another length than the key")
            raw.verify(signature, data, padding.PKCS1v15(), RSA_HASHES[algorithm])
        else:
            reader = Reader(signature)
            r, s = reader.mpint(), reader.mpint()
            reader.end()
            raw.verify(utils.encode_dss_signature(r, s), data, ec.ECDSA(curve_hash(raw)))


def parse_blob(blob: bytes) -> PublicKey:
    """The key a blob is, or ValueError: another kind (a certificate, DSA), weak, not written the one way there is."""
    if len(blob) > MAX_BLOB:
        raise ValueError("the key is too large")
    reader = Reader(blob)
    kind = reader.string()
    key = read_fields(kind, reader)
    reader.end()
    return key


def read_fields(kind: bytes, reader: Reader) -> PublicKey:
    """The key of that kind whose fields come next (as in a blob after the kind, or in a certificate), or ValueError."""
    if kind == b"ssh-rsa":
        return _rsa(reader)
    application = b""
    if kind in (b"ssh-ed25519", SK_ED25519):
        raw: RawKey = ed25519.Ed25519PublicKey.from_public_bytes(reader.string())
    elif kind in KINDS:
        raw = _point(reader, kind)
    else:
        raise ValueError(f"a key of a kind that is not accepted: {kind[:64].decode('ascii', 'backslashreplace')}")
    if kind.startswith(b"sk-"):
        application = reader.string()
        if not application:
            raise ValueError("a security key without an application")
    return PublicKey(kind, _blob(kind, raw, application), raw, application)


def public_key_of(raw: RawKey) -> PublicKey:
    """A key of the cryptography library as one of SSH, or ValueError when SSH has no such kind."""
    if isinstance(raw, rsa.RSAPublicKey):
        kind = b"ssh-rsa"
    elif isinstance(raw, ec.EllipticCurvePublicKey):
        kind = b"ecdsa-sha2-" + _curve_name(raw)
    else:
        kind = b"ssh-ed25519"
    return parse_blob(_blob(kind, raw, b""))


def parse_line(line: str) -> PublicKey:
    """The key of a line as in authorized_keys (`ssh-ed25519 AAAA… comment`), or ValueError."""
    kind, _, rest = line.strip().partition(" ")
    text = rest.strip().partition(" ")[0]
    try:
        key = parse_blob(base64.b64decode(text.encode("ascii"), validate=True))
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("write a key as ssh-keygen does, ssh-ed25519 AAAA…") from None
    if key.kind.decode() != kind:
        raise ValueError(f"the line says {kind[:64]}, the key is {key.kind.decode()}")
    return key


def _rsa(reader: Reader) -> PublicKey:
    e, n = reader.mpint(), reader.mpint()
    if n.bit_length() not in _RSA_BITS:
        raise ValueError("RSA keys have 2048 to 8192 bits")
    if e < 3 or e.bit_length() > 64:
        raise ValueError("not a usable RSA exponent")
    raw = rsa.RSAPublicNumbers(e, n).public_key()
    return PublicKey(b"ssh-rsa", _blob(b"ssh-rsa", raw, b""), raw)


def _point(reader: Reader, kind: bytes) -> ec.EllipticCurvePublicKey:
    name, point = reader.string(), reader.string()
    expected = b"nistp256" if kind == SK_ECDSA else kind.removeprefix(b"ecdsa-sha2-")
    if name != expected or point[:1] != b"\4":
        raise ValueError("the curve is not the one of the key's kind, or the point is compressed")
    return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[name][0], point)


def _blob(kind: bytes, raw: RawKey, application: bytes) -> bytes:
    if isinstance(raw, rsa.RSAPublicKey):
        numbers = raw.public_numbers()
        return strings(kind, mpint(numbers.e), mpint(numbers.n))
    if isinstance(raw, ed25519.Ed25519PublicKey):
        fields = strings(kind, raw.public_bytes_raw())
    else:
        numbers_ = raw.public_numbers()
        size = (raw.curve.key_size + 7) // 8
        point = b"\4" + numbers_.x.to_bytes(size, "big") + numbers_.y.to_bytes(size, "big")
        fields = strings(kind, _curve_name(raw), point)
    return fields + (string(application) if application else b"")


def _curve_name(raw: ec.EllipticCurvePublicKey) -> bytes:
    for name, (curve, _) in _CURVES.items():
        if curve.name == raw.curve.name:
            return name
    raise ValueError(f"not a curve of SSH: {raw.curve.name}")


def curve_hash(raw: ec.EllipticCurvePublicKey) -> hashes.HashAlgorithm:
    """The hash ECDSA is used with on that curve (RFC 5656, section 6.2.1)."""
    return _CURVES[_curve_name(raw)][1]
