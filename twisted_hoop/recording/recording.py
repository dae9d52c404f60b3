"""One session's recording while the session lives: entries at once, lazy ones soon, everything slow in a thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from zope.interface import classImplements

from twisted_hoop.errors import HoopError, RecordingFailed
from twisted_hoop.interfaces import IRecording
from twisted_hoop.model import Entry, Outcome
from twisted_hoop.recording.barrier import Barrier, InThread
from twisted_hoop.recording.finish import Finisher
from twisted_hoop.recording.heads import Heads
from twisted_hoop.recording.recovery import mend
from twisted_hoop.recording.writer import Writer

LAZY_SECONDS = 0.05
"""Longest a lazy entry waits for company."""


@dataclass(slots=True)
class Counts:
    """What metrics read when they are asked; plain numbers, as they are added to for every entry."""

    opened: int = 0
    closed: int = 0
    failed: int = 0
    entries: int = 0
    bytes: int = 0
    waiting: int = 0
    """Commands that wait for the disk now, under `durability = "fsync-per-command"`."""
    lag: float = 0.0
    """Seconds the last of them waited."""


@dataclass(frozen=True, slots=True)
class Means:
    """What every recording of a recorder uses."""

    folder: Path
    reactor: Any
    in_thread: InThread
    finisher: Finisher
    durable: bool
    heads: Heads
    head_every: float
    counts: Counts = field(default_factory=Counts)
    closing: set[Recording] = field(default_factory=set)


class Recording:
    """An IRecording. Its methods are for the reactor's thread.

    `on_failure`, when set, is called once with the failure when nobody is there to catch it: a lazy entry, or the
    ledger's line, could not be written. Whoever drives the session must end it then (R1).
    """

    def __init__(self, means: Means, session: str, path: str, writer: Writer) -> None:
        self.id = session
        self.path = path
        self.on_failure: Callable[[RecordingFailed], None] | None = None
        self._means = means
        self._seconds: Callable[[], float] = means.reactor.seconds
        self._began = self._seconds()
        self._writer = writer
        self._timer: Any = None
        self._signing: Any = None
        self._barrier = Barrier(writer.sync, means.in_thread)
        self._closing = False
        self._result: RecordingFailed | tuple[()] | None = None
        self._waiting: list[Deferred[None]] = []
        self._entered = self._enter(writer.chain)

    def write(self, entry: Entry, lazy: bool = False) -> None:
        """See IRecording. Costs a few microseconds and one system call, or none when lazy."""
        if self._closing:
            raise RecordingFailed("the recording is closed")
        writer, counts = self._writer, self._means.counts
        before = writer.bytes
        micros = max(int((self._seconds() - self._began) * 1_000_000), 0)  # a clock that was put back stands still
        try:
            writer.write(entry, micros, lazy)
        except RecordingFailed:
            counts.failed += 1
            raise
        counts.entries += 1
        counts.bytes += writer.bytes - before
        if lazy and self._timer is None:
            self._timer = self._means.reactor.callLater(LAZY_SECONDS, self._flush)
        if self._signing is None:
            self._signing = self._means.reactor.callLater(self._means.head_every, self._sign)

    def _sign(self) -> None:
        """A signed head, `head_every` seconds after the first entry behind the last one (R4)."""
        self._signing = None
        means, writer = self._means, self._writer
        before = writer.bytes
        try:
            head = means.finisher.sign(writer, self.id, self._seconds() - self._began)
        except RecordingFailed as failure:
            self._failed(failure)
            return
        means.counts.bytes += writer.bytes - before
        means.heads.add(self.id, writer.count, head, self._not_entered)

    def _flush(self) -> None:
        self._timer = None
        before = self._writer.bytes
        try:
            self._writer.flush()
        except RecordingFailed as failure:
            self._failed(failure)
        else:
            self._means.counts.bytes += self._writer.bytes - before

    def _failed(self, failure: RecordingFailed) -> None:
        self._writer.failure = failure
        self._means.counts.failed += 1
        if self.on_failure is not None and not self._closing:
            self.on_failure(failure)

    def barrier(self) -> Deferred[None] | None:
        """See IRecording: a Deferred under `durability = "fsync-per-command"`."""
        return self._counted(self._barrier.wait()) if self._means.durable else None

    def _counted(self, waiting: Deferred[None]) -> Deferred[None]:
        counts, began = self._means.counts, self._seconds()
        counts.waiting += 1

        def done(result: object) -> object:
            counts.waiting -= 1
            counts.lag = self._seconds() - began
            return result

        return waiting.addBoth(done)

    def _enter(self, head: bytes) -> Deferred[None]:
        """The ledger learns of the recording while it is live, so that it is missed even if it never ends (R4)."""
        means = self._means
        entered = means.in_thread(means.finisher.opened, self.id, self.path, head)
        return entered.addCallbacks(lambda _head: None, self._not_entered)

    def _not_entered(self, failure: Failure) -> None:
        self._failed(_as_failed(failure))

    def close(self, outcome: Outcome) -> Deferred[None]:
        """See IRecording. Every call gets its own Deferred, all with the same end."""
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        if not self._closing:
            self._closing = True
            self._means.closing.add(self)
            self._end(outcome)
        elif self._result is not None:
            self._fire()
        return waiter

    def _end(self, outcome: Outcome) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._signing is not None:
            self._signing.cancel()
            self._signing = None
        self._means.heads.drop(self.id)
        seconds = self._seconds() - self._began
        idle = self._barrier.idle()
        idle.addCallback(lambda _: self._entered)
        idle.addCallback(lambda _: self._means.in_thread(self._finish, outcome, seconds))
        idle.addBoth(self._ended)

    def _finish(self, outcome: Outcome, seconds: float) -> None:
        """In a thread: nobody else uses the writer any more."""
        try:
            if self._writer.failure is None:
                self._means.finisher.finish(self._writer, self.id, self.path, outcome, seconds)
                return
            failed = Outcome("failed", f"{outcome.code}: {self._writer.failure}")
            mend(self._means.folder / self.path, self.path, self._writer.descriptor, self._means.finisher, failed)
            raise RecordingFailed(str(self._writer.failure))
        finally:
            self._writer.release()

    def _ended(self, result: object) -> None:
        if isinstance(result, Failure):
            self._result = _as_failed(result)
            self._means.counts.failed += 1
        else:
            self._result = ()
        self._means.counts.closed += 1
        self._means.closing.discard(self)
        self._fire()

    def _fire(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if isinstance(self._result, RecordingFailed):
                waiter.errback(self._result)
            else:
                waiter.callback(None)


classImplements(Recording, IRecording)  # a decorator would keep mypyc from making it native


def _as_failed(failure: Failure) -> RecordingFailed:
    error = failure.value
    if isinstance(error, RecordingFailed):
        return error
    problem = RecordingFailed(f"the recording could not be finished: {error}")
    problem.__cause__ = error if isinstance(error, (HoopError, OSError)) else None
    return problem
