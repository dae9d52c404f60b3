"""How long commands took: from their entry to that of their outcome. Compiled: it runs for every entry."""

from __future__ import annotations

from typing import Final

from twisted_hoop.model import Entry

MOST: Final = 256
"""Commands of one session that are waited for; of one whose outcome is later than so many others no time is known."""

_Key = tuple[object, object, object]


class Timing:
    """The commands of one session that have no outcome yet."""

    __slots__ = ("_began", "_last", "_since")

    def __init__(self) -> None:
        self._began: dict[_Key, int] = {}
        self._last: _Key | None = None
        self._since = 0

    def took(self, entry: Entry, micros: int) -> int:
        """Of an outcome that does not say so itself: how many µs ago its command was; -1 of everything else.

        `micros` is now, since the session began. A command may have several outcomes, one behind the other: each gets
        its own time.
        """
        kind = entry.kind
        data = entry.data if isinstance(entry.data, dict) else dict(entry.data)
        if kind == "command":
            if "command" in data:
                self._begin((data.get("channel"), data["command"], data.get("operation")), micros)
        elif kind == "outcome" and "command" in data and "seconds" not in data:
            key = (data.get("channel"), data["command"], data.get("operation"))
            if key != self._last:
                since = self._began.pop(key, -1)
                if since < 0:
                    return -1
                self._last, self._since = key, since
            return max(micros - self._since, 0)
        return -1

    def _begin(self, key: _Key, micros: int) -> None:
        began = self._began
        if len(began) >= MOST:
            del began[next(iter(began))]
        began[key] = micros
