"""Sends spans to a collector, in pieces, behind everything else. One that is away costs spans, never time."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_hoop import __version__
from twisted_hoop.errors import HoopError
from twisted_hoop.notify.posting import Poster
from twisted_hoop.settings import TracingSection
from twisted_hoop.tracing.spans import Span, Value, request_of

KEPT = 4096
"""Spans that wait; when there are more, the oldest are dropped."""
PIECE = 512
_LAST = 3.0


class Sender:
    """See the module. `resolve` gives the secret behind a reference. `dropped` counts spans that were never sent."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        section: TracingSection,
        resource: Mapping[str, Value],
        resolve: Callable[[str], Awaitable[str]],
    ) -> None:
        self._reactor = reactor
        self._section = section
        self._resource = dict(resource)
        self._resolve = resolve
        self._poster = Poster(reactor, section.ca)
        self._waiting: deque[Span] = deque()
        self._sending = False
        self._waiters: list[Deferred[None]] = []
        self._loop = LoopingCall(self._begin)
        self._loop.clock = reactor
        self._away = False
        self.dropped = 0

    def start(self) -> None:
        """Begin to send what is added."""
        self._loop.start(self._section.every, now=False).addErrback(
            lambda failure: self.log.failure("traces are not sent any more", failure=failure)
        )

    def add(self, span: Span) -> None:
        """A span that is over. Costs an append."""
        if len(self._waiting) >= KEPT:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(span)

    async def stop(self) -> None:
        """Send what is left, for three seconds at most."""
        if self._loop.running:
            self._loop.stop()
        whole = Deferred.fromCoroutine(self._drained())
        whole.addTimeout(_LAST, self._reactor)
        with suppress(Exception):  # whatever becomes of it, the program ends
            await whole

    async def _drained(self) -> None:
        while self._waiting or self._sending:
            self._begin()
            if self._sending:
                waiter: Deferred[None] = Deferred()
                self._waiters.append(waiter)
                await waiter

    def _begin(self) -> None:
        """One piece at a time: a slow collector is not asked twice at once."""
        if self._waiting and not self._sending:
            self._sending = True
            Deferred.fromCoroutine(self._piece()).addBoth(self._over)

    def _over(self, result: Any) -> None:
        self._sending = False
        if result is not None:
            self.log.failure("traces were not sent", result)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.called:
                waiter.callback(None)
        if len(self._waiting) >= PIECE:
            self._begin()

    async def _piece(self) -> None:
        spans = [self._waiting.popleft() for _ in range(min(PIECE, len(self._waiting)))]
        headers = {"Content-Type": "application/json"}
        try:
            if self._section.authorization:
                headers["Authorization"] = await self._resolve(self._section.authorization)
            await self._poster.post(self._section.url, request_of(spans, self._resource, __version__), headers)
        except HoopError as error:
            self.dropped += len(spans)
            if not self._away:
                self.log.warn("the collector of traces does not take them: {why}", why=str(error))
            self._away = True
            return
        self._away = False
