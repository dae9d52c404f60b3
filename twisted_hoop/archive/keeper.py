"""Everything that happens to recordings behind the recorder, as one thing that starts and stops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted_hoop.archive.index import Index
from twisted_hoop.archive.indexer import Indexer
from twisted_hoop.recording.library import Library
from twisted_hoop.store.database import Database


class Keeper:
    """See the module. `library` reads recordings, `index` finds commands; `now` gives POSIX time."""

    def __init__(self, reactor: Any, database: Database, library: Library, now: Callable[[], float]) -> None:
        self.library = library
        self.index = Index(database, now)
        self.indexer = Indexer(reactor, database, library)

    def opened(self, session: str) -> None:
        """A session began, and with it a recording."""
        self.indexer.opened(session)

    def closed(self, session: str) -> None:
        """It is over; its recording is, or will soon be, closed."""
        self.indexer.closed(session)

    def start(self) -> None:
        """Begin; the database must have been started, and the recorder have recovered."""
        self.indexer.start()

    async def stop(self) -> None:
        """Let what is at work finish; the rest is found again at the next start."""
        await self.indexer.stop()
