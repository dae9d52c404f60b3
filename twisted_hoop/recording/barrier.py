"""Waiting for the disk without stopping the reactor: one sync at a time, shared by all who wait for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

InThread = Callable[..., "Deferred[Any]"]
"""`in_thread(function, *arguments)`: run it off the reactor's thread."""


class Barrier:
    """Group commit of one file. Who asks while a sync runs gets the next one, as the running one may miss its bytes."""

    __slots__ = ("_idle", "_in_thread", "_running", "_sync", "_waiting")

    def __init__(self, sync: Callable[[], None], in_thread: InThread) -> None:
        self._sync = sync
        self._in_thread = in_thread
        self._waiting: list[Deferred[None]] = []
        self._idle: list[Deferred[None]] = []
        self._running = False

    def wait(self) -> Deferred[None]:
        """Fires once everything written before this call is on disk; fails with what the sync raised."""
        waiter: Deferred[None] = Deferred()
        self._waiting.append(waiter)
        if not self._running:
            self._start()
        return waiter

    def idle(self) -> Deferred[None]:
        """Fires once no thread uses the file, however the sync went."""
        waiter: Deferred[None] = Deferred()
        if self._running:
            self._idle.append(waiter)
        else:
            waiter.callback(None)
        return waiter

    def _start(self) -> None:
        self._running = True
        batch, self._waiting = self._waiting, []
        self._in_thread(self._sync).addBoth(self._synced, batch)

    def _synced(self, result: object, batch: list[Deferred[None]]) -> None:
        self._running = False
        if self._waiting:
            self._start()
        for waiter in batch:
            if isinstance(result, Failure):
                waiter.errback(result.value)
            else:
                waiter.callback(None)
        while self._idle and not self._running:
            self._idle.pop().callback(None)
