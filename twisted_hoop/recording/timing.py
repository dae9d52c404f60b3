"""How long commands took: from their entry to that of their outcome. Compiled: it runs for every entry."""

from __future__ import annotations

from typing import Final

from twisted_hoop.model import Entry

MOST: Final = 256
"""Commands of one session that are waited for; of one whose outcome is later than so many others no time is known."""


class Timing:
    """The commands of one session that have no outcome yet.

    The last one stands apart: where one command comes after the other, as nearly everywhere, no table is needed.
    """

    __slots__ = ("_began", "_last", "_open", "_since")

    def __init__(self) -> None:
        self._began: dict[object, int] = {}
        self._last: object = None
        self._since = 0
        self._open = False  # whether the last one has no outcome yet

    def began(self, entry: Entry, micros: int) -> None:
        """Of a command: `micros` is now, since the session began."""
        key = _key(entry)
        if key is None:
            return
        if self._open:
            if len(self._began) >= MOST:
                del self._began[next(iter(self._began))]
            self._began[self._last] = self._since
        self._last, self._since, self._open = key, micros, True

    def took(self, entry: Entry, micros: int) -> int:
        """Of an outcome that does not say so itself: how many µs ago its command was; else -1.

        A command may have several outcomes, one behind the other: each gets its own time.
        """
        if "seconds" in entry.data:
            return -1
        key = _key(entry)
        if key is None:
            return -1
        if key != self._last:
            since = self._began.pop(key, -1)
            if since < 0:
                return -1
            if self._open:
                self._began[self._last] = self._since
            self._last, self._since = key, since
        self._open = False
        return max(micros - self._since, 0)


def _key(entry: Entry) -> object:
    data = entry.data if isinstance(entry.data, dict) else dict(entry.data)  # known to be one, it is asked natively
    command, channel, operation = data.get("command"), data.get("channel"), data.get("operation")
    return command if channel is None and operation is None else (channel, command, operation)
