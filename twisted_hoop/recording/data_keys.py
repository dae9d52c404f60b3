"""The data key of a recording: kept wrapped in a file beside it, destroyed by removing that file. Blocking.

`<session id>.hoop` has `<session id>.key` beside it: the data key, wrapped by a wrapping key (`wrapping.py`). The
recording itself holds no key, wrapped or not, so a copy of it, wherever it went, is closed for good once its key file
is gone. Its header names the key by a digest, which shows whether a key is the right one and tells nothing about it.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import orjson

from twisted_hoop.errors import RecordingDamaged, RecordingFailed, RecordingSealed
from twisted_hoop.recording import files

SUFFIX = ".key"
SIZE = 32
_DOMAIN = b"hoop data key 2\0"
_MOST = 1 << 14
_TEXT = re.compile(r"[!-~]{0,4096}")


def key_id(data_key: bytes) -> str:
    """The digest a recording's header names its data key by, in hex. The key is random: nothing leads back to it."""
    return sha256(_DOMAIN + data_key).hexdigest()


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """What a key file holds. `wrapped` is the data key, wrapped (RFC 3394), in hex; `key` its id.

    `provider` is "file" or "vault-transit", `by` the id of the wrapping key. For "vault-transit" `place` is the key in
    Vault (`transit/hoop`), and `sealed` the wrapping key as Vault encrypted it.
    """

    session: str
    key: str
    provider: str
    by: str
    wrapped: str
    place: str = ""
    sealed: str = ""
    format: int = 2

    @classmethod
    def parse(cls, data: bytes) -> WrappedKey:
        """Of a key file's bytes, or RecordingDamaged."""
        try:
            found = cls(**orjson.loads(data))
        except (orjson.JSONDecodeError, TypeError) as error:
            raise RecordingDamaged("the key file is not readable") from error
        texts = (found.session, found.key, found.provider, found.by, found.wrapped, found.place, found.sealed)
        if found.format != 2 or not all(isinstance(text, str) and _TEXT.fullmatch(text) for text in texts):
            raise RecordingDamaged("the key file is none of this version")
        return found


def key_path(recording: Path) -> Path:
    """Where the key file of the recording at this path lies."""
    return recording.with_suffix(SUFFIX)


def store(recording: Path, wrapped: WrappedKey) -> None:
    """Write the key file, mode 0600, before the recording it belongs to is begun; or RecordingFailed.

    It is not synced here: `sync` does that, when a machine's loss must be survived.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    data = orjson.dumps(wrapped)
    try:
        descriptor = os.open(key_path(recording), flags, 0o600)
        try:
            written = os.write(descriptor, data)
        finally:
            os.close(descriptor)
    except OSError as error:
        if not isinstance(error, FileExistsError):
            forget(recording)
        raise RecordingFailed(f"cannot write the key of {recording.name}: {error.strerror}") from error
    if written != len(data):
        forget(recording)
        raise RecordingFailed(f"cannot write the key of {recording.name}: the disk took only {written} bytes")


def forget(recording: Path) -> None:
    """Remove the key file of a recording in which nothing was sealed, if that can be."""
    with suppress(OSError):
        key_path(recording).unlink(missing_ok=True)


def sync(recording: Path) -> None:
    """Put the key file's bytes on disk; raises OSError. Blocking. Without a key file nothing is done."""
    try:
        descriptor = os.open(key_path(recording), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(recording: Path) -> WrappedKey:
    """The wrapped key beside a recording; RecordingSealed when it was destroyed, RecordingDamaged when it is none."""
    try:
        descriptor = files.opened(key_path(recording))
        try:
            data = os.read(descriptor, _MOST)
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        raise RecordingSealed("it cannot be read any more: its data key was destroyed") from error
    except OSError as error:
        raise RecordingSealed(f"it cannot be read: its key file: {error.strerror}") from error
    return WrappedKey.parse(data)


def destroy(recording: Path) -> str:
    """Destroy the data key of the recording at this path, for good; its id, or "" when there was none any more.

    The key file is overwritten, removed, and the folder synced, so that what is told afterwards is true after a crash
    too. Idempotent. Raises RecordingFailed. Whoever has a copy of the key file and of the wrapping key can still read.
    """
    path = key_path(recording)
    try:
        known = read(recording).key
    except RecordingSealed:
        known = ""
    except RecordingDamaged:
        known = "unreadable"
    try:
        _overwrite(path)
        path.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as error:
        raise RecordingFailed(f"cannot destroy the data key {path}: {error.strerror}") from error
    return known


def _overwrite(path: Path) -> None:
    """Not proof against what a disk keeps aside; the wrapping key is what makes remains worthless."""
    try:
        descriptor = files.opened(path, os.O_WRONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        os.pwrite(descriptor, bytes(os.fstat(descriptor).st_size), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    if not folder.is_dir():
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
