"""Cancel requests of PostgreSQL's clients, which come over a connection of their own: perhaps to another replica (P6).

Keys are random, 31 bits of process id and at least 32 of key, and belong to one session of one replica; nobody writes
them down. A request that names no session here is told to all others by its digest, which is of use to nobody else.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted_hoop.news.word import CANCEL, INews
from twisted_hoop.sessions import Sessions, key_digest

TOLD_PER_SECOND = 50
"""Requests passed on by this process: who guesses keys makes no storm of all replicas (P6)."""


class Cancels:
    """See the module. `seconds` is a clock that does not jump."""

    def __init__(self, sessions: Sessions, news: INews, seconds: Callable[[], float]) -> None:
        self._sessions, self._news, self._seconds = sessions, news, seconds
        self._second, self._told = 0, 0

    def cancel(self, pid: int, key: bytes) -> bool:
        """Whether a session here was cancelled, or the others were asked."""
        return self._sessions.cancel(pid, key) or self._pass_on(key_digest(pid, key))

    def heard(self, digest: str) -> None:
        """Another replica was asked to cancel."""
        self._sessions.cancel_digest(digest)

    def _pass_on(self, digest: str) -> bool:
        second = int(self._seconds())
        if second != self._second:
            self._second, self._told = second, 0
        self._told += 1
        if self._told > TOLD_PER_SECOND:
            return False
        self._news.tell(CANCEL, digest)
        return True
