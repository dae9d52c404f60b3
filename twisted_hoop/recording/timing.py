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
        self._began: dict[_Key, float] = {}
        self._last: _Key | None = None
        self._since = 0.0

    def timed(self, entry: Entry, seconds: float) -> Entry:
        """The entry; an outcome with `seconds` since its command. `seconds` is now, since the session began.

        A command may have several outcomes, one behind the other: each gets its own time.
        """
        data = entry.data
        if "command" not in data:
            return entry
        if entry.kind == "command":
            began = self._began
            if len(began) >= MOST:
                del began[next(iter(began))]
            began[(data.get("channel"), data.get("command"), data.get("operation"))] = seconds
        elif entry.kind == "outcome" and "seconds" not in data:
            key = (data.get("channel"), data.get("command"), data.get("operation"))
            if key != self._last:
                since = self._began.pop(key, -1.0)
                if since < 0.0:
                    return entry
                self._last, self._since = key, since
            took = max(int((seconds - self._since) * 1_000_000), 0) / 1_000_000
            return Entry("outcome", {**data, "seconds": took})
        return entry
