"""The replies a client is owed, in the order of its requests (RFC 4254, section 5.4). Pure.

Some come from the target, some from the gateway at once: those wait for what was asked before them.
"""

from __future__ import annotations

from collections import deque

from twisted_hoop.ssh.events import Reply


class Replies:
    """Each method gives the replies that may leave now."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: deque[bool | None] = deque()

    def owe(self) -> None:
        """The target will answer."""
        self._waiting.append(None)

    def answered(self, ok: bool) -> list[Reply]:
        """The target answered the oldest."""
        if None in self._waiting:
            self._waiting[self._waiting.index(None)] = ok
        return self._ready()

    def now(self, ok: bool) -> list[Reply]:
        """The gateway answers the latest."""
        self._waiting.append(ok)
        return self._ready()

    def settle(self, ok: bool) -> list[Reply]:
        """Nothing more comes from the target: whatever it owes is answered so."""
        self._waiting = deque(ok if each is None else each for each in self._waiting)
        return self._ready()

    def _ready(self) -> list[Reply]:
        ready: list[Reply] = []
        while self._waiting and self._waiting[0] is not None:
            ready.append(Reply(self._waiting.popleft() is True))
        return ready
