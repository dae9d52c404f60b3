"""Everything that happens to recordings behind the recorder, as one thing that starts and stops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted_hoop.archive.holds import Holds
from twisted_hoop.archive.index import Index
from twisted_hoop.archive.indexer import Indexer
from twisted_hoop.archive.job import Job
from twisted_hoop.archive.keeping import compiled
from twisted_hoop.archive.removal import Remover
from twisted_hoop.archive.retention import Retention
from twisted_hoop.archive.shelves import Shelves
from twisted_hoop.archive.spool import Spool, place_of
from twisted_hoop.archive.uploading import Resolve, Uploading
from twisted_hoop.recording.recorder import Recorder
from twisted_hoop.settings import Settings
from twisted_hoop.store.database import Database


class Keeper:
    """See the module. `shelves` read recordings, `index` finds commands, `job` deletes by rule what `holds` let go.

    `settings` gives those in force, `now` POSIX time; `owner` names this replica; `resolve` gives secrets.
    """

    def __init__(
        self,
        reactor: Any,
        database: Database,
        recorder: Recorder,
        settings: Callable[[], Settings],
        now: Callable[[], float],
        owner: str,
        resolve: Resolve,
    ) -> None:
        storage = settings().recording.storage
        folder, ledger = recorder.folder, recorder.ledger
        self.shelves = Shelves(recorder.library, database)
        self.index = Index(database, now)
        self.indexer = Indexer(reactor, database, recorder.library)
        self.holds = Holds(database, now)
        spool = Spool(database, folder, ledger, now, owner, place_of(folder), storage.spool)
        self.uploading = Uploading(reactor, storage, resolve, spool, self.shelves)
        remover = Remover(database, folder, ledger, now, self.shelves if storage.url else None)
        retention = Retention(database, remover, lambda: compiled(settings().retention), now, owner)
        self.job = Job(reactor, database, retention, now, settings().recording.retention_every)

    def watched(self, watch: Callable[[str, str, Callable[[], float]], None]) -> None:
        """Tell metrics how it goes."""
        spool = self.uploading.spool
        watch("hoop_index_waiting", "Recordings that search does not know to their end.", lambda: len(self.indexer))
        watch("hoop_recordings_stored", "Recordings put into object storage.", lambda: spool.stored)
        watch("hoop_storage_failing", "Whether object storage fails.", lambda: bool(self.uploading.problem))

    def opened(self, session: str) -> None:
        """A session began, and with it a recording."""
        self.indexer.opened(session)

    def closed(self, session: str) -> None:
        """It is over; its recording is, or will soon be, closed."""
        self.indexer.closed(session)

    def start(self) -> None:
        """Begin; the database must have been started, and the recorder have recovered."""
        self.indexer.start()
        self.job.start()
        self.uploading.start()

    async def stop(self) -> None:
        """Let what is at work finish; the rest is found again at the next start."""
        await self.uploading.stop()
        await self.job.stop()
        await self.indexer.stop()
