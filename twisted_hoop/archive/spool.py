"""What goes to object storage, and what may leave the folder then. Blocks; one process of a folder at a time.

The folder is the queue: what was not stored when a process died, or while storage was down, is found again by looking.
No session waits for any of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from twisted_hoop.archive import lease
from twisted_hoop.archive.catalogue import CLOSED, DELETED, DELETING, Kept, growing, note, stored_here, to_store
from twisted_hoop.archive.shelves import wrapped_text
from twisted_hoop.archive.storage import MIB, Storage, StorageConflict
from twisted_hoop.recording import data_keys, files
from twisted_hoop.recording.ledger import Ledger
from twisted_hoop.store.database import Database

LEASE_SECONDS = 120.0
PAGE = 100


@dataclass(slots=True)
class Spool:
    """See the module. `owner` is this process, `place` names the folder among all replicas' in the lease.

    `spool` is in MiB, 0 for no limit; `now` gives POSIX time. `stopping` ends a round behind the recording it is at.
    """

    database: Database
    folder: Path
    ledger: Ledger
    now: Callable[[], float]
    owner: str
    place: str
    spool: int
    stopping: bool = False
    stored: int = 0
    evicted: int = 0
    _places: dict[str, int] = field(default_factory=dict)
    _looked: bool = False

    def round(self, storage: Storage) -> bool:
        """Store what can be, evict what may be; False when another process is at it. StorageFault, StoreUnavailable."""
        if not self._lease():
            return False
        conflicts: dict[str, StorageConflict] = {}
        self._begin_long_ones(storage)
        while not self.stopping and self._page(storage, conflicts):
            self._lease()
        if self.spool:
            self._evict(storage)
        if conflicts:  # all others are stored; somebody must look at these
            raise next(iter(conflicts.values()))
        return True

    def _lease(self) -> bool:
        now = self.now()
        return self.database.write_now(lambda c: lease.take(c, self.place, self.owner, now, LEASE_SECONDS))

    def _begin_long_ones(self, storage: Storage) -> None:
        """The first segments of those that still grow: less to lose with the machine, less to do at the end."""
        found = self.database.read_now(lambda connection: growing(connection, storage.segment))
        self._places = {each.id: self._places.get(each.id, 0) for each in found}
        for each in found:
            path = self.folder / each.path
            if not self.stopping and path.exists():
                self._places[each.id] = storage.begin(path, each.path, self._places[each.id])

    def _page(self, storage: Storage, conflicts: dict[str, StorageConflict]) -> bool:
        """Whether there may be more to store. Those of other folders are passed over, and never in the way."""
        waiting = self.database.read_now(lambda connection: to_store(connection, PAGE * 100))
        here = [e for e in waiting if e.id not in conflicts and (self.folder / e.path).exists()][:PAGE]
        for each in here:
            if self.stopping:
                return False
            try:
                self._store(storage, each)
            except StorageConflict as error:
                conflicts[each.id] = error
        return len(here) == PAGE

    def _store(self, storage: Storage, found: Kept) -> None:
        path = self.folder / found.path
        size, digest, key = path.stat().st_size, storage.keep(path, found.path), wrapped_text(path)
        values = {"stored": digest, "stored_at": self.now(), "bytes": size, "key_json": key}
        if self.database.write_now(lambda connection: note(connection, found.id, **values)):
            self.stored += 1
        else:
            storage.delete(found)  # it was deleted meanwhile

    def _evict(self, storage: Storage) -> None:
        """Let the oldest go that storage has, until the rest fits."""
        self._finish()
        sizes = {path.stem: path.stat().st_size for day in files.days(self.folder) for path in files.recordings(day)}
        most = self.spool * MIB
        total = sum(sizes.values())
        if total <= most:
            return
        for found in self.database.read_now(lambda connection: stored_here(connection, list(sizes))):
            if total <= most or self.stopping:
                return
            if found.state == CLOSED and found.bytes == sizes[found.id] and storage.has(found):
                self._let_go(found)
                total -= sizes[found.id]

    def _finish(self) -> None:
        """What a crash left behind of recordings that are the store's alone, or deleted there since: files and keys.

        Keys without a recording are looked for in every round, recordings in the first only: no other leaves any.
        """
        left = {
            path.stem: path for path in self._files(data_keys.SUFFIX) if not path.with_suffix(files.SUFFIX).exists()
        }
        if not self._looked:
            left |= {path.stem: path for path in self._files(files.SUFFIX)}
        for found in self.database.read_now(lambda connection: stored_here(connection, list(left))):
            path = left[found.id].with_suffix(files.SUFFIX)
            gone = found.state in (DELETING, DELETED)
            if found.evicted and (gone or found.key_json or not data_keys.key_path(path).exists()):
                path.unlink(missing_ok=True)
                data_keys.destroy(path)
        self._looked = True

    def _files(self, suffix: str) -> Iterator[Path]:
        return (path for day in files.days(self.folder) for path in day.glob("*" + suffix))

    def _let_go(self, found: Kept) -> None:
        """A signed line first, so that it is never missing; then the key is the store's alone, and so is its end."""
        path = self.folder / found.path
        if wrapped_text(path) not in ("", found.key_json):
            return  # the store has another key than the one that opens it
        if not found.evicted:
            said = f"object storage, sha256 {found.stored}"
            self.ledger.append("stored", found.id, found.path, b"", self.now(), outcome=said)
        if self.database.write_now(lambda connection: note(connection, found.id, evicted=True)):
            path.unlink(missing_ok=True)
            data_keys.destroy(path)
            self.evicted += 1


def place_of(folder: Path) -> str:
    """A name for the folder in the lease: of this machine, or of the file system it is on."""
    found = folder.stat()
    return f"spool {os.uname().nodename[:24]} {found.st_dev:x}-{found.st_ino:x}"[:64]
