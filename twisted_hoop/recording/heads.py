"""Signed heads of recordings that grow, told to the ledger: what a file that is cut meanwhile is held against (R4)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from twisted_hoop.recording.barrier import InThread
from twisted_hoop.recording.ledger import Ledger

GATHER = 5.0
"""Seconds that heads wait for company, so that many recordings cost the ledger one line."""


class Heads:
    """Gathers heads. `ledger` may block: it is called in a thread, one call at a time."""

    def __init__(self, ledger: Ledger, reactor: Any, in_thread: InThread) -> None:
        self._ledger = ledger
        self._reactor = reactor
        self._in_thread = in_thread
        self._heads: dict[str, tuple[int, bytes]] = {}
        self._failed: dict[str, Callable[[Failure], None]] = {}
        self._timer: Any = None
        self._running: Deferred[None] | None = None

    def add(self, session: str, count: int, head: bytes, failed: Callable[[Failure], None]) -> None:
        """A head was signed; `failed` is called when the ledger does not take it."""
        self._heads[session] = (count, head)
        self._failed[session] = failed
        if self._timer is None:
            self._timer = self._reactor.callLater(GATHER, self._tell)

    def drop(self, session: str) -> None:
        """The recording is closed, and has a line of its own."""
        self._heads.pop(session, None)
        self._failed.pop(session, None)

    def _tell(self) -> None:
        self._timer = None
        if not self._heads:
            return
        if self._running is not None:  # a slow disk: what came meanwhile goes with the next
            self._timer = self._reactor.callLater(GATHER, self._tell)
            return
        heads, self._heads = self._heads, {}
        failed, self._failed = self._failed, {}
        self._running = self._in_thread(self._ledger.append_heads, heads, time.time())
        self._running.addErrback(_tell_all, failed).addBoth(self._told)

    def _told(self, _result: object) -> None:
        self._running = None

    def stop(self) -> Deferred[None]:
        """No more timers; fires once no thread writes heads."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._heads, self._failed = {}, {}
        if self._running is None:
            return succeed(None)
        waiter: Deferred[None] = Deferred()
        self._running.addBoth(lambda _: waiter.callback(None))
        return waiter


def _tell_all(failure: Failure, failed: dict[str, Callable[[Failure], None]]) -> None:
    for each in failed.values():
        each(failure)
