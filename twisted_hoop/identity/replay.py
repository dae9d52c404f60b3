"""One-time tokens: a `jti` opens one session only (I10; RFC 7519 section 4.1.7). In the memory of one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from heapq import heappop, heappush

from zope.interface import implementer

from twisted_hoop.interfaces import IReplayGuard

MAX_REMEMBERED = 100_000
"""About 20 MB. When so many unexpired tokens are known, a new one is refused: the guard fails closed."""


@implementer(IReplayGuard)
class ReplayGuard:
    """Remembers used tokens until they expire."""

    def __init__(self, now: Callable[[], float] = time.time, size: int = MAX_REMEMBERED) -> None:
        self._now = now
        self._size = size
        self._used: set[tuple[str, str]] = set()
        self._ends: list[tuple[float, tuple[str, str]]] = []

    async def first_use(self, issuer: str, token_id: str, until: float) -> bool:
        """True the first time; False afterwards and when nothing more can be remembered."""
        self._expire()
        key = (issuer, token_id)
        if key in self._used or len(self._used) >= self._size:
            return False
        self._used.add(key)
        heappush(self._ends, (until, key))
        return True

    def _expire(self) -> None:
        now = self._now()
        while self._ends and self._ends[0][0] < now:
            self._used.discard(heappop(self._ends)[1])
