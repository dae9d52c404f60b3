"""OpenSSH certificates as values: read strictly, and made (PROTOCOL.certkeys of OpenSSH). Pure.

Nothing here trusts anybody: whose signature counts, and for whom, is for `ssh_authority.py` and `ssh/host_keys.py`.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from twisted_hoop.identity.ssh_keys import KINDS, PublicKey, parse_blob, read_fields
from twisted_hoop.identity.ssh_private_keys import PrivateKey
from twisted_hoop.identity.ssh_wire import Reader, string, strings, u32, u64

USER: Literal[1] = 1
HOST: Literal[2] = 2
MAX_CERTIFICATE = 24 * 1024
"""Bytes; must fit into one packet of 35,000 (RFC 4253, section 6.1) together with its signature."""
MAX_NAMES = 256
_SUFFIX = b"-cert-v01@openssh.com"


def certificate_kind(kind: bytes) -> bytes:
    """`ssh-ed25519` → `ssh-ed25519-cert-v01@openssh.com`."""
    return kind.removesuffix(b"@openssh.com") + _SUFFIX


CERTIFICATE_KINDS: Mapping[bytes, bytes] = {certificate_kind(kind): kind for kind in KINDS}
"""Kind of a certificate → kind of the key in it."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate. `blob` is all of it, `signed` what its `signature` is over; times are POSIX seconds."""

    blob: bytes
    key: PublicKey
    serial: int
    type: int
    key_id: str
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    critical: Mapping[str, bytes]
    extensions: Mapping[str, bytes]
    authority: PublicKey
    signed: bytes
    signature: bytes

    @property
    def kind(self) -> bytes:
        """As in its blob: `ssh-ed25519-cert-v01@openssh.com`."""
        return certificate_kind(self.key.kind)

    @property
    def line(self) -> str:
        """As in a `-cert.pub` file, without a comment."""
        return f"{self.kind.decode()} {base64.b64encode(self.blob).decode()}"

    def verified(self) -> bool:
        """Whether the authority that it names signed it."""
        return self.authority.verify(self.signature, self.signed)

    def lives(self, now: float) -> bool:
        """Whether it is valid now."""
        return self.valid_after <= now < self.valid_before


def is_certificate(blob: bytes) -> bool:
    """Whether a blob says it is a certificate, of a kind we know or not."""
    try:
        return Reader(blob).string().endswith(_SUFFIX)
    except ValueError:
        return False


def parse_certificate(blob: bytes) -> Certificate:
    """The certificate a blob is, or ValueError. Its signature and its times are not looked at.

    The authority's key is a plain key: `parse_blob` knows no others, so no certificate signs certificates (S6,
    CVE-2025-49825).
    """
    if len(blob) > MAX_CERTIFICATE:
        raise ValueError("the certificate is too large")
    reader = Reader(blob)
    kind = CERTIFICATE_KINDS.get(reader.string())
    if kind is None:
        raise ValueError("not a certificate of a kind that is accepted")
    reader.string()  # the nonce
    key = read_fields(kind, reader)
    serial, type_, key_id = reader.u64(), reader.u32(), _text(reader.string())
    principals = _principals(reader.string())
    after, before = reader.u64(), reader.u64()
    critical, extensions = _options(reader.string()), _options(reader.string())
    if reader.string():
        raise ValueError("the certificate uses what is reserved")
    authority = parse_blob(reader.string())
    signed = blob[: reader.position]
    signature = reader.string()
    reader.end()
    return Certificate(
        blob, key, serial, type_, key_id, principals, after, before, critical, extensions, authority, signed, signature
    )


def parse_certificate_line(line: str) -> Certificate:
    """The certificate of a `-cert.pub` file's line, or ValueError. As little is looked at as by `parse_certificate`."""
    parts = line.split()
    if len(parts) < 2 or len(line) > 2 * MAX_CERTIFICATE:
        raise ValueError("not a line with a certificate")
    certificate = parse_certificate(base64.b64decode(parts[1], validate=True))
    if certificate.kind != parts[0].encode("ascii", "replace"):
        raise ValueError("the certificate is of another kind than its line says")
    return certificate


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a certificate shall say. `critical` and `extensions` map names to values, b"" for none."""

    key: PublicKey
    type: Literal[1, 2]
    serial: int
    key_id: str
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    critical: Mapping[str, bytes]
    extensions: Mapping[str, bytes]


def sign_certificate(wanted: Wanted, authority: PrivateKey) -> Certificate:
    """The certificate, signed; ValueError when it would not be one that is accepted (too large, no principals)."""
    if not wanted.principals:
        raise ValueError("a certificate without principals would be one for everybody")
    blob = wanted.key.blob
    signed = b"".join(
        (
            strings(certificate_kind(wanted.key.kind), os.urandom(32)),
            blob[4 + len(wanted.key.kind) :],
            u64(wanted.serial) + u32(wanted.type) + string(wanted.key_id.encode()),
            string(strings(*(name.encode() for name in wanted.principals))),
            u64(wanted.valid_after) + u64(wanted.valid_before),
            strings(_packed(wanted.critical), _packed(wanted.extensions), b"", authority.public.blob),
        )
    )
    return parse_certificate(signed + string(authority.sign(signed)))


def _text(data: bytes) -> str:
    return data.decode("utf-8")  # UnicodeDecodeError is a ValueError


def _principals(data: bytes) -> tuple[str, ...]:
    reader = Reader(data)
    found: list[str] = []
    while reader.more:
        name = _text(reader.string())
        if not name or "\0" in name or len(found) == MAX_NAMES:
            raise ValueError("the certificate's principals are empty or too many")
        found.append(name)
    return tuple(found)


def _options(data: bytes) -> dict[str, bytes]:
    """Names in strictly rising order, as PROTOCOL.certkeys wants them: so none stands there twice."""
    reader, last = Reader(data), b""
    found: dict[str, bytes] = {}
    while reader.more:
        name, value = reader.string(), Reader(reader.string())
        if name <= last:
            raise ValueError("the certificate's options are not in order, or repeated")
        found[_text(name)] = value.string() if value.more else b""
        value.end()
        last = name
    return found


def _packed(options: Mapping[str, bytes]) -> bytes:
    names = sorted((name.encode(), value) for name, value in options.items())
    return b"".join(strings(name, string(value) if value else b"") for name, value in names)
