"""A small certificate authority for the demo and the tests (RFC 5280). Not for production: its key lies beside it."""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Union

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

PrivateKey = Union[ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey]
KeyType = Literal["ec", "rsa", "ed25519"]

_CA_CERTIFICATE = "ca.pem"
_CA_KEY = "ca.key"


def make_ca(folder: Path | str, name: str = "twisted-hoop development CA") -> Path:
    """The folder's CA certificate (`ca.pem`, its key in `ca.key`), made at the first call. PEM files."""
    place = Path(folder)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate = place / _CA_CERTIFICATE
    if certificate.exists():
        return certificate
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key, datetime.timedelta(days=3650))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(authority=True), critical=True)
    _write_key(place / _CA_KEY, key)
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return certificate


def issue(
    folder: Path | str,
    names: Sequence[str],
    *,
    stem: str = "",
    days: float = 90,
    client: bool = False,
    key_type: KeyType = "ec",
) -> tuple[Path, Path]:
    """A certificate signed by the folder's CA: (certificate path, key path), both PEM.

    `names` are DNS names or IP addresses, the first is the common name. `stem` names the files (the first name when
    empty). `days` below 0 makes an expired certificate. `client` makes one for TLS client authentication.
    """
    place = Path(folder)
    issuer, signer = _authority(place)
    key = _new_key(key_type)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    builder = _builder(subject, issuer.subject, key, datetime.timedelta(days=days))
    for extension, critical in _leaf_extensions(names, client, issuer):
        builder = builder.add_extension(extension, critical=critical)
    chosen = stem or names[0].replace(":", "_").replace("*", "any")
    certificate, private = place / f"{chosen}.pem", place / f"{chosen}.key"
    _write_key(private, key)
    certificate.write_bytes(builder.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return certificate, private


def _leaf_extensions(
    names: Sequence[str], client: bool, issuer: x509.Certificate
) -> list[tuple[x509.ExtensionType, bool]]:
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(authority=False), True),
        (x509.ExtendedKeyUsage([purpose]), False),
        (x509.SubjectAlternativeName([_general_name(name) for name in names]), False),
        (authority, False),
    ]


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, lifetime: datetime.timedelta
) -> x509.CertificateBuilder:
    end = datetime.datetime.now(datetime.UTC) + lifetime
    start = min(datetime.datetime.now(datetime.UTC), end) - datetime.timedelta(hours=1)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(identifier, critical=False)
    )


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _new_key(key_type: KeyType) -> PrivateKey:
    if key_type == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ed25519.Ed25519PrivateKey.generate() if key_type == "ed25519" else ec.generate_private_key(ec.SECP256R1())


def _authority(place: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate = x509.load_pem_x509_certificate(make_ca(place).read_bytes())
    key = serialization.load_pem_private_key((place / _CA_KEY).read_bytes(), password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return certificate, key


def _write_key(path: Path, key: PrivateKey) -> None:
    """PKCS 8, readable by the owner only from the first byte on."""
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
