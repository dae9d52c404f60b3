"""Keeps a worker's metrics where the others of its gateway find them, so that one scrape tells of all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from twisted_hoop.observability.gathering import Gathered
from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.recording.files import private_folder

EVERY = 5.0
"""Seconds between two writings; whoever is asked writes its own at once."""


class Gathering(Service):
    """See the module. `metrics` are this worker's, `state` the gateway's folder, `number` the worker's."""

    _log = Logger()

    def __init__(self, reactor: Any, metrics: Metrics, state: Path, number: int) -> None:
        self._reactor, self._metrics = reactor, metrics
        self._folder, self._number = state / "metrics", number
        self._gathered: Gathered | None = None
        self._loop = LoopingCall(self._write)
        self._loop.clock = reactor
        self._failed = False

    def startService(self) -> None:
        """From now on `Metrics.render` tells of all workers."""
        super().startService()  # type: ignore[no-untyped-call]
        try:
            folder = private_folder(self._folder)
        except OSError as fault:
            self._log.warn("metrics are of this worker alone: {why}", why=fault.strerror)
            return
        self._gathered = Gathered(folder, self._number, self._metrics.own)
        self._metrics.gathered = self._gathered.all
        self._loop.start(EVERY, now=False)

    def stopService(self) -> None:
        """No more: its file goes."""
        super().stopService()  # type: ignore[no-untyped-call]
        if self._loop.running:
            self._loop.stop()
        if self._gathered is not None:
            self._gathered.remove()
            self._metrics.gathered = None

    def _write(self) -> Deferred[None]:
        assert self._gathered is not None
        written = deferToThreadPool(self._reactor, self._reactor.getThreadPool(), self._gathered.write)
        return written.addCallbacks(self._wrote, self._could_not)

    def _wrote(self, _: object) -> None:
        self._failed = False

    def _could_not(self, failure: Any) -> None:
        if not self._failed:
            self._failed = True
            self._log.warn("the other workers do not see this one's metrics: {why}", why=str(failure.value))
