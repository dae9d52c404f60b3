"""What an open page is told: that something changed. What, it asks for itself, as what it may see."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, succeed

from twisted_hoop.console.visits import Visit
from twisted_hoop.web.calls import Call, Push, Watched
from twisted_hoop.web.parts import Parts


class Live:
    """Handlers. `goes_on` says whether the visit of a call goes on and is of somebody who has these groups."""

    def __init__(self, parts: Parts, goes_on: Callable[[Call, frozenset[str]], bool]) -> None:
        self._parts = parts
        self._goes_on = goes_on

    async def approvals(self, call: Call, visit: Visit) -> Push:
        """GET /approvals/events: server-sent events, one for each change of a request the visitor may see."""
        feed = self._parts.feed
        watcher = feed.watch(visit.principal, ("approvals",), self._parts.audits(visit.principal))
        groups = visit.principal.groups
        return Push(Attended(watcher, lambda: self._goes_on(call, groups)), lambda: feed.leave(watcher))


class Attended:
    """What is watched, as long as the visit goes on (I9): looked at whenever there is something, a sign of life too."""

    def __init__(self, source: Watched, goes_on: Callable[[], bool]) -> None:
        self._source = source
        self._goes_on = goes_on
        self.over = source.over

    def take(self) -> bytes:
        """What is there now; nothing more once the visit has ended."""
        data = self._source.take()
        self.over = self._source.over or not self._goes_on()
        return b"" if self.over else data

    def more(self) -> Deferred[None]:
        """Fires when there is something, or nothing will come any more."""
        return succeed(None) if self.over else self._source.more()
