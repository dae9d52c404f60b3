"""The replies a client is owed, in the order of its requests (RFC 4254, section 5.4). Pure.

Some come from the target, some from the gateway at once: those wait for what was asked before them.
"""

from __future__ import annotations

from collections import deque

from twisted_hoop.ssh.events import Reply


class OwedReplies:
    """Each method but `owe` gives the replies that may leave now."""

    __slots__ = ("_owed",)

    def __init__(self) -> None:
        self._owed: deque[bool | None] = deque()

    def owe(self) -> None:
        """A request was passed on: the target's answer is its answer."""
        self._owed.append(None)

    def now(self, ok: bool) -> list[Reply]:
        """A request is answered here."""
        self._owed.append(ok)
        return self._ready()

    def answered(self, ok: bool) -> list[Reply]:
        """The target answered the oldest request that waits for it."""
        for place, known in enumerate(self._owed):
            if known is None:
                self._owed[place] = ok
                return self._ready()
        return []

    def settle(self, ok: bool) -> list[Reply]:
        """The target will not answer any more: everything that is owed gets the same answer."""
        self._owed = deque(ok if known is None else known for known in self._owed)
        return self._ready()

    def _ready(self) -> list[Reply]:
        found = []
        while self._owed and (known := self._owed[0]) is not None:
            found.append(Reply(known))
            self._owed.popleft()
        return found
