"""Stores recordings by itself: a round every so often, more slowly while object storage is down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from twisted_hoop.archive.opening import open_storage
from twisted_hoop.archive.shelves import Shelves
from twisted_hoop.archive.spool import Spool
from twisted_hoop.archive.storage import Storage
from twisted_hoop.errors import HoopError
from twisted_hoop.settings import StorageSection

LONGEST = 60.0
"""Seconds between tries while storage does not answer."""
Resolve = Callable[[str], Awaitable[str]]


class Uploading:
    """See the module. `resolve` gives the secret behind a reference. Without a URL in the section it does nothing.

    `spool` does it; `problem` says why the last round failed, "" when it did not.
    """

    _log = Logger()

    def __init__(self, reactor: Any, section: StorageSection, resolve: Resolve, spool: Spool, shelves: Shelves) -> None:
        self._reactor, self._section, self._resolve = reactor, section, resolve
        self.spool, self._shelves = spool, shelves
        self._storage: Storage | None = None
        self._timer: Any = None
        self._running: Deferred[Any] | None = None
        self._pause = section.every
        self.problem = ""

    def start(self) -> None:
        """The first round begins at once: what a crash left is stored then."""
        if self._section.url:
            self._begin()

    async def stop(self) -> None:
        """Let the recording that is being stored be stored; the rest is found again."""
        self.spool.stopping = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if self._running is not None:
            waiter: Deferred[None] = Deferred()
            self._running.addBoth(lambda _: waiter.callback(None))
            await waiter

    def _begin(self) -> None:
        self._running = Deferred.fromCoroutine(self._round())
        self._running.addErrback(self._failed)
        self._running.addBoth(self._ended)

    async def _round(self) -> None:
        storage = self._storage or await self._opened()
        await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self.spool.round, storage)
        if self.problem:
            self._log.info("object storage answers again")
        self.problem, self._pause = "", self._section.every

    async def _opened(self) -> Storage:
        section = self._section
        keys = [await self._resolve(each) if each else "" for each in (section.access_key, section.secret_key)]
        storage = self._shelves.storage = open_storage(section, *keys)
        await deferToThreadPool(self._reactor, self._reactor.getThreadPool(), storage.check)
        self._storage = storage
        return storage

    def _failed(self, failure: Any) -> None:
        """Recordings stay in the folder, and are stored once it works again; no session notices."""
        told = self.problem
        if failure.check(HoopError):
            self.problem = str(failure.value)
        else:
            self.problem = failure.type.__name__
            self._log.failure("storing recordings failed", failure=failure)
        self._pause = min(self._pause * 2, max(LONGEST, self._section.every))
        if told != self.problem:
            self._log.warn("recordings cannot be stored now: {why}", why=self.problem)

    def _ended(self, _: object) -> None:
        self._running = None
        if not self.spool.stopping:
            self._timer = self._reactor.callLater(self._pause, self._begin)
