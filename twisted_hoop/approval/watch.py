"""Telling those who wait that a request was decided: at once within this process, within a second across processes.

It only wakes them; what happened they read from the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_hoop.errors import StoreUnavailable

POLL = 1.0  # seconds; asked only while somebody waits here


class Watch:
    """Who waits for which request. `decided(ids)` asks the store which of them are pending no more."""

    _log = Logger()

    def __init__(self, decided: Callable[[list[str]], Awaitable[Iterable[str]]], reactor: Any) -> None:
        self._decided = decided
        self._reactor = reactor
        self._waiting: dict[str, list[Deferred[None]]] = {}
        self._timer: Any = None

    def change_of(self, approval_id: str) -> Deferred[None]:
        """Fires once something may have happened to the request; give it to `release` to stop waiting."""
        waiter: Deferred[None] = Deferred()
        self._waiting.setdefault(approval_id, []).append(waiter)
        self._arm()
        return waiter

    def changed(self, approval_id: str) -> None:
        """Something happened to it: wake everybody who waits."""
        for waiter in self._waiting.pop(approval_id, []):
            waiter.callback(None)
        self._disarm_when_idle()

    def release(self, approval_id: str, waiter: Deferred[None]) -> None:
        """Fire this one waiter now, unless it has fired."""
        waiters = self._waiting.get(approval_id, [])
        if waiter not in waiters:
            return
        waiters.remove(waiter)
        if not waiters:
            del self._waiting[approval_id]
        waiter.callback(None)
        self._disarm_when_idle()

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self._reactor.callLater(POLL, self._tick)

    def _disarm_when_idle(self) -> None:
        if not self._waiting and self._timer is not None and self._timer.active():
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        Deferred.fromCoroutine(self._poll()).addErrback(
            lambda failure: self._log.failure("looking for decisions failed", failure=failure)
        )

    async def _poll(self) -> None:
        try:
            for approval_id in await self._decided(list(self._waiting)):
                self.changed(approval_id)
        except StoreUnavailable as fault:
            self._log.warn("the store cannot be asked for decisions: {fault}", fault=str(fault))
        finally:
            self._timer = None
            if self._waiting:
                self._arm()
