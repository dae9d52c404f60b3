"""Group commit: nobody's barrier fires before a sync that began after it was asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred

from tests.support.recordings import now
from twisted_hoop.errors import RecordingFailed
from twisted_hoop.recording.barrier import Barrier


class Threads:
    """Work that is done when the test says so."""

    def __init__(self) -> None:
        self.begun: list[tuple[Callable[[], None], Deferred[None]]] = []

    def __call__(self, function: Callable[[], None]) -> Deferred[None]:
        deferred: Deferred[None] = Deferred()
        self.begun.append((function, deferred))
        return deferred

    def step(self) -> None:
        function, deferred = self.begun.pop(0)
        try:
            deferred.callback(function())
        except RecordingFailed:
            deferred.errback()


def test_who_asks_while_a_sync_runs_waits_for_the_next_one_together() -> None:
    threads, syncs = Threads(), []
    barrier = Barrier(lambda: syncs.append(1), threads)
    first, second, third = barrier.wait(), barrier.wait(), barrier.wait()
    assert len(threads.begun) == 1
    threads.step()
    assert (first.called, second.called, third.called) == (True, False, False)
    threads.step()
    assert second.called
    assert third.called
    assert len(syncs) == 2


def test_idle_fires_after_everything() -> None:
    threads = Threads()
    barrier = Barrier(lambda: None, threads)
    assert barrier.idle().called
    barrier.wait(), barrier.wait()
    idle = barrier.idle()
    threads.step()
    assert not idle.called
    threads.step()
    assert idle.called


def test_a_failure_reaches_everybody_who_waits_for_that_sync() -> None:
    def fail() -> None:
        raise RecordingFailed("disk")

    threads = Threads()
    barrier = Barrier(fail, threads)
    waiters = [barrier.wait(), barrier.wait()]
    idle = barrier.idle()
    threads.step()
    threads.step()
    for waiter in waiters:
        with pytest.raises(RecordingFailed, match="disk"):
            now(waiter)
    assert idle.called
