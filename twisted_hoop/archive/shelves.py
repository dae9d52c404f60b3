"""Reading recordings wherever they are: in the folder, or else in object storage. Blocks."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from twisted_hoop.archive import catalogue
from twisted_hoop.archive.catalogue import DELETED, DELETING, Kept
from twisted_hoop.archive.storage import Storage, StorageFault
from twisted_hoop.errors import RecordingDamaged, RecordingSealed, UnknownRecording
from twisted_hoop.recording import data_keys, files, reading
from twisted_hoop.recording.data_keys import WrappedKey
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.wrapping import KeyRing
from twisted_hoop.store.database import Database

FETCHED = "fetched"
KEPT_SECONDS = 600.0
"""How long what was fetched stays after it was read last."""


class Shelves:
    """A `web.parts.Recordings` over a library and what the store knows of copies. `storage` is set once it is open."""

    def __init__(self, library: Library, database: Database) -> None:
        self.library = library
        self.storage: Storage | None = None
        self._database = database

    def read(self, session: str) -> Iterator[dict[str, Any]]:
        """As `Library.read`; StorageFault when it is only in object storage, and that does not give it."""
        try:
            return self.library.read(session)
        except (UnknownRecording, FileNotFoundError):
            found = self._database.read_now(lambda connection: catalogue.get(connection, files.checked_id(session)))
            if self.storage is None or found is None or not found.stored or found.state in (DELETING, DELETED):
                raise UnknownRecording(f"there is no recording {session}") from None
        ring = _Keys(self.library, found)
        return reading.entries(self._fetched(self.storage, found), ring)

    def delete(self, found: Kept) -> str:
        """See `removal.Copies`. StorageFault as long as storage does not answer: the next run tries again."""
        if self.storage is None:
            raise StorageFault("object storage has not answered yet")
        return self.storage.delete(found)

    def _fetched(self, storage: Storage, found: Kept) -> Path:
        """A copy on disk, the same to the bit as what was stored; other copies that nobody reads any more go."""
        folder = files.private_folder(self.library.folder / FETCHED)
        tidy(folder)
        path = folder / f"{found.id}{files.SUFFIX}"
        if path.exists():
            with suppress(FileNotFoundError):
                os.utime(path)
                return path
        draft = folder / f".{found.id}.{os.getpid()}.{time.monotonic_ns()}"
        try:
            self._copy(storage, found, draft)
            draft.rename(path)
        finally:
            draft.unlink(missing_ok=True)
        return path

    def _copy(self, storage: Storage, found: Kept, draft: Path) -> None:
        digest = sha256()
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            for piece in storage.read(found.path, found.bytes):
                digest.update(piece)
                file.write(piece)
        if digest.hexdigest() != found.stored:
            raise StorageFault(f"{found.path} in object storage is not what was stored")


def tidy(folder: Path) -> None:
    """Remove what was fetched and not read for KEPT_SECONDS. Who reads it still has it open."""
    before = time.time() - KEPT_SECONDS
    for path in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()


class _Keys(KeyRing):
    """Opens one fetched recording with the key beside its old place, or else with the one in the store."""

    def __init__(self, library: Library, found: Kept) -> None:
        super().__init__()
        self._library, self._found = library, found

    def data_key(self, recording: Path, key: str) -> bytes:
        """See KeyRing."""
        return self._library.ring.opened(self._wrapped(), key)

    def _wrapped(self) -> WrappedKey:
        try:
            return data_keys.read(self._library.folder / self._found.path)
        except (RecordingSealed, RecordingDamaged):
            if not self._found.key_json:
                raise
            return WrappedKey.parse(self._found.key_json.encode())


def wrapped_text(path: Path) -> str:
    """The wrapped key of the recording at this path as text, "" when it has none (version 1)."""
    try:
        return orjson.dumps(data_keys.read(path)).decode()
    except RecordingSealed:
        return ""
