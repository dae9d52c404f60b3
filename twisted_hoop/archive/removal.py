"""The end of one recording: key destroyed, tombstone signed, files and index rows gone. Blocks.

Each step may be done again: a crash anywhere leaves the recording `deleting`, and the next run goes on with it. A
tombstone says what has happened: the data key is destroyed before it, so no copy anywhere can be read from then on.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, update

from twisted_hoop.archive.catalogue import CLOSED, DAMAGED, DELETED, DELETING, Kept, get
from twisted_hoop.archive.holds import holding, settle
from twisted_hoop.archive.index import drop
from twisted_hoop.recording import data_keys
from twisted_hoop.recording.ledger import Ledger
from twisted_hoop.recording.recovery import put_aside
from twisted_hoop.store.database import Database
from twisted_hoop.store.tables import recordings


class Copies(Protocol):
    """Where copies of recordings are; `archive.storage` has object storage."""

    def delete(self, found: Kept, /) -> str:
        """Remove the copy of a recording; "" or why it is still there. May raise HoopError."""


@dataclass(frozen=True, slots=True)
class Remover:
    """See the module. `folder` holds the recordings, `ledger` their chain; `now` gives POSIX time."""

    database: Database
    folder: Path
    ledger: Ledger
    now: Callable[[], float]
    copies: Copies | None = None

    def here(self, found: Kept) -> bool:
        """Whether this process can delete it: its file is in our folder, or only in the storage we share."""
        return (self.folder / found.path).exists() or self._begun_here(found) or (found.evicted and bool(self.copies))

    def _begun_here(self, found: Kept) -> bool:
        """Whether only the row is left to do. Of another folder's, key and file may still be there, whatever we see."""
        return found.state == DELETING and bool(found.deleted_at) and self.ledger.tells("deleted", found.id)

    def remove(self, found: Kept, why: str) -> str:
        """Delete a recording for the reason told. "held" when something holds it, "gone" when somebody else took it.

        Otherwise "", or what of it could not be deleted. Raises HoopError; then it is `deleting`, and tried again.
        It is looked at again once it is claimed: a copy may have been stored since `found` was read.
        """
        if found.state != DELETING:
            claimed = self.database.write_now(lambda connection: self._claim(connection, found, why))
            if claimed:
                return claimed
            found = self.database.read_now(lambda connection: get(connection, found.id)) or found
        path = self.folder / found.path
        data_keys.destroy(path)
        self._note(found, key_json="")
        if not found.deleted_at:
            self.ledger.append("deleted", found.id, found.path, b"", self.now(), outcome=found.deleted_by or why)
            self._note(found, deleted_at=self.now())
        left = self.copies.delete(found) if self.copies is not None and found.stored else ""
        path.unlink(missing_ok=True)
        for part in reversed(put_aside(path)):  # a deletion that is cut short leaves no gap before what is left
            part.unlink(missing_ok=True)
        _sync(path.parent)
        self.database.write_now(lambda connection: self._end(connection, found))
        return left

    def _claim(self, connection: Connection, found: Kept, why: str) -> str:
        """In one transaction with the look at the holds: what was held before this is not deleted."""
        settle(connection)
        if holding(connection, found):
            return "held"
        mine = (recordings.c.id == found.id) & recordings.c.state.in_((CLOSED, DAMAGED))
        changed = connection.execute(update(recordings).where(mine).values(state=DELETING, deleted_by=why))
        return "" if changed.rowcount else "gone"

    def _note(self, found: Kept, **values: object) -> None:
        change = update(recordings).where(recordings.c.id == found.id).values(**values)
        self.database.write_now(lambda connection: connection.execute(change) and None)

    def _end(self, connection: Connection, found: Kept) -> None:
        drop(connection, found.id)
        connection.execute(update(recordings).where(recordings.c.id == found.id).values(state=DELETED))


def _sync(folder: Path) -> None:
    """What is told to be deleted does not come back with the next power cut."""
    if not folder.is_dir():
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
