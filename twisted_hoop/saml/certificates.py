"""The certificates an identity provider signs with: a PEM file, read when settings come into force."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

MAX_FILE = 256 * 1024
MAX_CERTIFICATES = 8
MIN_RSA = 2048  # bits, NIST SP 800-131A
_CURVES = ("secp256r1", "secp384r1", "secp521r1")


def load_certificates(path: Path) -> tuple[x509.Certificate, ...]:
    """Those of a file, or ValueError that says what is wrong with it: OSError is told as such too."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from error
    try:
        found = x509.load_pem_x509_certificates(data[:MAX_FILE])
    except ValueError:
        raise ValueError(f"{path} has no certificate in PEM format that can be read") from None
    if len(found) > MAX_CERTIFICATES:
        raise ValueError(f"{path} has more than {MAX_CERTIFICATES} certificates: name those the provider signs with")
    for certificate in found:
        if problem := _problem(certificate):
            raise ValueError(f"{path}: {problem}")
    return tuple(found)


def _problem(certificate: x509.Certificate) -> str:
    try:
        key = certificate.public_key()
    except Exception:  # noqa: BLE001 - a key of a kind the library does not know, each with an error of its own
        return "a certificate's key is of a kind that is not known"
    if isinstance(key, rsa.RSAPublicKey):
        return "" if key.key_size >= MIN_RSA else f"an RSA key of {key.key_size} bits is too weak: at least {MIN_RSA}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "" if key.curve.name in _CURVES else f"the curve {key.curve.name} is none of {', '.join(_CURVES)}"
    return "a certificate's key is neither RSA nor elliptic curve"
