"""Runs retention in a thread: when somebody asks, and by itself now and then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from twisted_hoop.archive.retention import SCHEDULE, Report, Retention, new_report, run_of, runs
from twisted_hoop.errors import HoopError, LimitExceeded
from twisted_hoop.store.database import Database


class Job:
    """See the module. Methods are for the reactor's thread; `every` is in seconds, `now` gives POSIX time."""

    _log = Logger()

    def __init__(
        self, reactor: Any, database: Database, retention: Retention, now: Callable[[], float], every: float
    ) -> None:
        self._reactor, self._database, self._retention = reactor, database, retention
        self._now, self._every = now, every
        self._loop = LoopingCall(self._by_itself)
        self._loop.clock = reactor
        self._running: Deferred[Report] | None = None
        self.at_work = ""
        """The id of the run that is at work here; its first report is in the store a moment after it began."""

    def start(self) -> None:
        """From now on, by itself."""
        self._loop.start(self._every, now=False)

    async def stop(self) -> None:
        """Let a run end behind the recording it is at."""
        self._retention.stopping = True
        if self._loop.running:
            self._loop.stop()
        if self._running is not None:
            waiter: Deferred[None] = Deferred()
            self._running.addBoth(lambda _: waiter.callback(None))
            await waiter

    def begin(self, by: str, dry: bool) -> dict[str, Any]:
        """Start a run; its report so far. LimitExceeded while one is at work here. `by` is a principal's key."""
        if self._running is not None:
            raise LimitExceeded("a run of retention is at work: wait for its report")
        report = new_report(by, dry, self._now())
        told = asdict(report)
        self.at_work = report.id
        self._running = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._retention.run, report)
        self._running.addBoth(self._ended, report)
        return told

    def _ended(self, result: Any, report: Report) -> None:
        self._running, self.at_work = None, ""
        if isinstance(result, Report):
            if report.due and not report.dry:
                counts = {"deleted": report.deleted, "held": report.held, "failed": report.failed}
                self._log.info("retention deleted {deleted} recordings", run=report.id, by=report.by, **counts)
        elif result.check(HoopError):
            self._log.warn("retention did not end: {why}", why=str(result.value), run=report.id)
        else:
            self._log.failure("retention failed", failure=result)

    def _by_itself(self) -> None:
        if self._running is None:
            self.begin(SCHEDULE, dry=False)

    def runs(self, limit: int = 20) -> Awaitable[list[dict[str, Any]]]:
        """The last reports, newest first."""
        return self._database.read(lambda connection: runs(connection, limit))

    def run(self, ident: str) -> Awaitable[dict[str, Any] | None]:
        """One report with the recordings it tells of, or None."""
        return self._database.read(lambda connection: run_of(connection, ident))
