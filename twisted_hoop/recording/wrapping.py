"""Wrapping keys: what the data keys of recordings are wrapped with, and how they come out again. Blocking.

A wrapping key is 32 bytes; it wraps a data key by AES key wrap (RFC 3394), which needs no nonce, and so can be used for
every session of years. By default it lies in the state folder (`recording.kek`, mode 0600). With `vault-transit` each
run of the gateway makes one of its own and has Vault encrypt it: at rest it exists only as what Vault gave for it.
"""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from twisted_hoop.errors import ConfigurationError, HoopError, RecordingSealed
from twisted_hoop.file_modes import open_to_others
from twisted_hoop.recording import data_keys
from twisted_hoop.recording.data_keys import SIZE, WrappedKey
from twisted_hoop.recording.files import private_folder
from twisted_hoop.recording.keys import put

FILE = "recording.kek"
_DOMAIN = b"hoop wrapping key 2\0"


class Transit(Protocol):
    """A key that stays in Vault (`secrets/transit.py`): what it encrypts only it decrypts. Both may raise HoopError."""

    place: str

    def encrypt(self, key: bytes) -> str:
        """What Vault makes of 32 bytes."""

    def decrypt(self, sealed: str, place: str) -> bytes:
        """The 32 bytes again; `place` is the key in Vault it was encrypted with."""


@dataclass(frozen=True, slots=True)
class WrappingKey:
    """A key that wraps. `place` and `sealed` are what WrappedKey says; empty for a key in a file."""

    key: bytes = field(repr=False)
    provider: str = "file"
    place: str = ""
    sealed: str = ""

    @property
    def id(self) -> str:
        """Sixteen hex digits that name it."""
        return sha256(_DOMAIN + self.key).hexdigest()[:16]

    def new(self, session: str) -> tuple[bytes, WrappedKey]:
        """A data key for a session, and what its key file holds."""
        made = secrets.token_bytes(SIZE)
        wrapped = aes_key_wrap(self.key, made).hex()
        return made, WrappedKey(
            session, data_keys.key_id(made), self.provider, self.id, wrapped, self.place, self.sealed
        )

    def unwrap(self, wrapped: WrappedKey) -> bytes:
        """The data key, or RecordingSealed: it was wrapped by another key, or changed."""
        try:
            made = aes_key_unwrap(self.key, bytes.fromhex(wrapped.wrapped))
        except (ValueError, InvalidUnwrap) as error:
            raise RecordingSealed("it cannot be read: its data key does not unwrap") from error
        if data_keys.key_id(made) != wrapped.key:
            raise RecordingSealed("it cannot be read: its key file holds another key than it says")
        return made


def file_key(state: Path, configured: str = "") -> WrappingKey:
    """The wrapping key at `configured`, or the one in the state folder, made when there is none yet.

    Raises ConfigurationError when others can read it (R11), it is no key, or it is configured and missing.
    """
    path = Path(configured) if configured else private_folder(state) / FILE
    if not configured and not path.exists():
        put(path, secrets.token_bytes(SIZE), 0o600)
    return WrappingKey(read_file_key(path))


def read_file_key(path: Path) -> bytes:
    """The 32 bytes of a wrapping key, or ConfigurationError."""
    try:
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            shared, key = open_to_others(mode, stream.fileno()), stream.read(SIZE + 1)
    except OSError as error:
        raise ConfigurationError([f"{path}: cannot read the wrapping key: {error.strerror}"]) from error
    if shared:
        raise ConfigurationError([f"{path}: others can read the wrapping key: chmod 600 {path}"])
    if len(key) != SIZE:
        raise ConfigurationError([f"{path}: a wrapping key has {SIZE} bytes: head -c {SIZE} /dev/urandom"])
    return key


def transit_key(transit: Transit) -> WrappingKey:
    """A new wrapping key that Vault has encrypted, and decrypted again before it is relied on. Raises HoopError."""
    made = secrets.token_bytes(SIZE)
    sealed = transit.encrypt(made)
    if transit.decrypt(sealed, transit.place) != made:
        raise HoopError(f"Vault gives back another key than {transit.place} encrypted")
    return WrappingKey(made, "vault-transit", transit.place, sealed)


@dataclass(slots=True)
class KeyRing:
    """What opens recordings: wrapping keys, found when they are first needed and kept. For threads that read.

    `files` are places where a wrapping key of a gateway may lie; `transit` is Vault, when it is known. Nothing is read
    before a recording asks for it.
    """

    files: tuple[Path, ...] = ()
    transit: Transit | None = None
    _known: dict[str, WrappingKey] = field(default_factory=dict)

    def add(self, key: WrappingKey) -> None:
        """One more that is at hand."""
        self._known[key.id] = key

    def data_key(self, recording: Path, key: str) -> bytes:
        """The data key of the recording at this path, whose header names it by `key`.

        RecordingSealed when it was destroyed, is another recording's, or no wrapping key at hand unwraps it.
        """
        return self.opened(data_keys.read(recording), key)

    def opened(self, wrapped: WrappedKey, key: str) -> bytes:
        """The same of a wrapped key that is kept elsewhere than beside the recording."""
        if wrapped.key != key:
            raise RecordingSealed("it cannot be read: the key file beside it is another recording's")
        return self._wrapping(wrapped).unwrap(wrapped)

    def _wrapping(self, wrapped: WrappedKey) -> WrappingKey:
        if wrapped.by not in self._known:
            found = self._unsealed(wrapped) if wrapped.provider == "vault-transit" else self._from_files(wrapped.by)
            if found.id != wrapped.by:
                raise RecordingSealed(f"it cannot be read: the wrapping key {wrapped.by} is not at hand")
            self._known[wrapped.by] = found
        return self._known[wrapped.by]

    def _from_files(self, name: str) -> WrappingKey:
        for path in self.files:
            try:
                found = WrappingKey(read_file_key(path))
            except ConfigurationError as error:
                if path.exists():
                    raise RecordingSealed(f"it cannot be read: {error}") from error
                continue
            if found.id == name:
                return found
        raise RecordingSealed(f"it cannot be read: the wrapping key {name} is not at hand")

    def _unsealed(self, wrapped: WrappedKey) -> WrappingKey:
        if self.transit is None:
            raise RecordingSealed(f"it cannot be read without Vault, key {wrapped.place}")
        try:
            key = self.transit.decrypt(wrapped.sealed, wrapped.place)
        except HoopError as error:
            raise RecordingSealed(f"it cannot be read: {error}") from error
        return WrappingKey(key, wrapped.provider, wrapped.place, wrapped.sealed)


def beside(folder: Path) -> KeyRing:
    """What opens the recordings in a folder when nothing else was said: the key in it, or in the state folder above."""
    return KeyRing((folder / FILE, folder.parent / FILE))
