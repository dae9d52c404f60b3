"""The Ed25519 key that recordings and the ledger are signed with (RFC 8032), and the public keys that check them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from twisted_hoop.errors import ConfigurationError
from twisted_hoop.recording.files import private_folder

PRIVATE = "recording.key"
PUBLIC = "recording.pub"


def key_id(public: Ed25519PublicKey) -> str:
    """Sixteen hex digits of the SHA-256 of the raw public key: names a key, proves nothing."""
    return sha256(public.public_bytes_raw()).hexdigest()[:16]


class PublicKeys:
    """The keys a verifier trusts."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[Ed25519PublicKey]) -> None:
        self._keys = {key_id(key): key for key in keys}

    def check(self, key: str, signature: bytes, data: bytes) -> bool:
        """Whether the trusted key called `key` made the signature. False for a key that is not trusted."""
        public = self._keys.get(key)
        if public is None:
            return False
        try:
            public.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    @property
    def ids(self) -> list[str]:
        """The ids of the trusted keys."""
        return sorted(self._keys)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The private key, and the public key as verifiers read it from disk (R3: one checks the other)."""

    private: Ed25519PrivateKey
    public: Ed25519PublicKey

    @property
    def id(self) -> str:
        """The id that stands beside every signature."""
        return key_id(self.public)

    @property
    def trusted(self) -> PublicKeys:
        """A verifier that trusts this key alone."""
        return PublicKeys([self.public])

    def sign(self, data: bytes) -> bytes:
        """The 64-byte signature."""
        return self.private.sign(data)


def load_signing_key(state: Path, configured: str = "") -> SigningKey:
    """The key at `configured`, or the one in the state folder, made when there is none yet. Public part beside it.

    Raises ConfigurationError when the key is readable by others (R11), not Ed25519, or configured and missing.
    """
    private_folder(state)
    path = Path(configured) if configured else state / PRIVATE
    if not configured and not path.exists():
        _make(path)
    private = _read_private(path)
    return SigningKey(private, _publish(state, private.public_key()))


def _make(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    put(path, pem, 0o600)


def put(path: Path, data: bytes, mode: int) -> None:
    """A key file that appears whole or not at all, and never replaces one: another process may have been faster."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(descriptor)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _read_private(path: Path) -> Ed25519PrivateKey:
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            pem = stream.read(1 << 16)
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot read the recording key: {error.strerror}"]) from error
    if mode & 0o077:
        raise ConfigurationError([f"{path}: others can read the recording key: chmod 600 {path}"])
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError([f"{path}: not an unencrypted PEM private key"]) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigurationError([f"{path}: the recording key must be Ed25519: openssl genpkey -algorithm ed25519"])
    return key


def _publish(state: Path, public: Ed25519PublicKey) -> Ed25519PublicKey:
    """`recording.pub` holds the key now in use; one it replaces stays as `recording-<id>.pub` for old recordings."""
    path = state / PUBLIC
    if path.exists() and key_id(old := read_public_key(path)) != key_id(public):
        path.rename(state / f"recording-{key_id(old)}.pub")
    if not path.exists():
        put(path, public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), 0o644)
    return read_public_key(path)


def read_public_key(path: Path) -> Ed25519PublicKey:
    """An Ed25519 public key in PEM, or ConfigurationError."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot read the public key: {error.strerror}"]) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigurationError([f"{path}: not a PEM public key"]) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ConfigurationError([f"{path}: not an Ed25519 public key"])
    return key


def public_keys(state: Path) -> PublicKeys:
    """Every public key in a state folder, the present one and those it replaced."""
    return PublicKeys(read_public_key(path) for path in sorted(state.glob("recording*.pub")))
