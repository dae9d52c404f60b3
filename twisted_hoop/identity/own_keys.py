"""The keys the gateway's own tokens are signed with: of the configuration, or one made in the state folder.

The first signs. Those after it verify and stay published, for tokens that live: a key is replaced by naming a new one
before it, and removed once its last token has ended. Key ids are thumbprints (RFC 7638): no two keys share one.
Reading and making files blocks: for the start of the program and for reloads.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from twisted_hoop.errors import ConfigurationError
from twisted_hoop.file_modes import open_to_others
from twisted_hoop.identity.jwks import Key
from twisted_hoop.settings import OwnIssuerSection

FILE = "issuer.key"
"""In the state folder, when the configuration names none."""
_LARGEST = 64 * 1024
_Private = Union[ed25519.Ed25519PrivateKey, ec.EllipticCurvePrivateKey]


@dataclass(frozen=True, slots=True)
class OwnKey:
    """One private key, what it is called, and its algorithm ("EdDSA" or "ES256")."""

    kid: str
    algorithm: str
    private: _Private

    @property
    def public(self) -> Key:
        """What verifies."""
        return Key(self.kid, frozenset({self.algorithm}), self.private.public_key())

    def jwk(self) -> dict[str, Any]:
        """The public key as RFC 7517 writes it."""
        members = _members(self.private)
        return {**members, "kid": self.kid, "alg": self.algorithm, "use": "sig", "key_ops": ["verify"]}


@dataclass(frozen=True, slots=True)
class OwnKeys:
    """All of them, the one that signs first."""

    keys: tuple[OwnKey, ...]

    @property
    def signing(self) -> OwnKey:
        """The one that signs."""
        return self.keys[0]

    def find(self, kid: str | None, algorithm: str) -> OwnKey | None:
        """The key with exactly this id and algorithm. Our tokens always name theirs (I2)."""
        return next((key for key in self.keys if key.kid == kid and key.algorithm == algorithm), None)

    def jwks(self) -> dict[str, Any]:
        """The key set that is published."""
        return {"keys": [key.jwk() for key in self.keys]}


def load_own_keys(section: OwnIssuerSection, state: Path) -> OwnKeys:
    """The keys, or ConfigurationError with every problem. Without configured ones, that of `state`, made once."""
    problems: list[str] = []
    found: dict[str, OwnKey] = {}
    for number, path in enumerate(section.keys or [str(state / FILE)]):
        try:
            key = _load(Path(path)) if section.keys else _made(Path(path))
            if key.kid in found:
                raise ValueError(f"{path} is the same key as one before it")
            found[key.kid] = key
        except ValueError as error:
            problems.append(f"own_issuer.keys.{number}: {error}")
    if problems:
        raise ConfigurationError(problems)
    return OwnKeys(tuple(found.values()))


def make_own_key(private: _Private) -> OwnKey:
    """A key by its thumbprint (RFC 7638, section 3: the required members, sorted, without spaces)."""
    members = _members(private)
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
    kid = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return OwnKey(kid, "EdDSA" if members["kty"] == "OKP" else "ES256", private)


def parse_own_key(pem: bytes) -> OwnKey:
    """A key in PEM without a passphrase, or ValueError: Ed25519 or P-256 and nothing else."""
    try:
        private = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("no private key in PEM without a passphrase") from None
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return make_own_key(private)
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name == "secp256r1":
        return make_own_key(private)
    raise ValueError("neither Ed25519 nor P-256: openssl genpkey -algorithm ed25519")


def _members(private: _Private) -> dict[str, str]:
    """The members of RFC 7517 that make the key; RFC 8037 for Ed25519."""
    algorithm = "EdDSA" if isinstance(private, ed25519.Ed25519PrivateKey) else "ES256"
    jwk: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key(), as_dict=True)
    return {name: str(jwk[name]) for name in ("kty", "crv", "x", "y") if name in jwk}


def _load(path: Path) -> OwnKey:
    """R11: others cannot read it. The check is made on the open file."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            if open_to_others(os.fstat(descriptor).st_mode, descriptor):
                raise ValueError(f"{path} is open to others: chmod 600 {path}")
            data = os.read(descriptor, _LARGEST)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    try:
        return parse_own_key(data)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _made(path: Path) -> OwnKey:
    """The key of the file, made if it is not there: whole or not at all, never in another's place (workers start at
    once)."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        pem = ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(descriptor)
            _placed(draft, path)
        except OSError as error:
            raise ValueError(f"{path} cannot be made: {error.strerror}") from None
    return _load(path)


def _placed(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
