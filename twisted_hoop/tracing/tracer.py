"""Traces of one process: nothing at all while no collector is configured."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from twisted_hoop import __version__
from twisted_hoop.interfaces import IRecorder
from twisted_hoop.settings import Settings
from twisted_hoop.tracing.recorder import TracedRecorder
from twisted_hoop.tracing.sending import Sender


class Tracer:
    """See the module. `ident` names the process; `watch` takes a metric's name, what it is, and what reads it."""

    def __init__(
        self,
        reactor: Any,
        settings: Settings,
        ident: str,
        resolve: Callable[[str], Awaitable[str]],
        watch: Callable[[str, str, Callable[[], float]], None],
    ) -> None:
        section = settings.tracing
        self._section = section
        self._sender: Sender | None = None
        if section.url:
            names = {"service.name": "twisted-hoop", "service.version": __version__, "service.instance.id": ident}
            resource = {**names, "hoop.gateway": settings.gateway.name}
            sender = self._sender = Sender(reactor, section, resource, resolve)
            watch("hoop_spans_dropped", "Spans that no collector took.", lambda: sender.dropped)

    def over(self, recorder: IRecorder) -> IRecorder:
        """The recorder itself, or one that makes spans as well."""
        if self._sender is None:
            return recorder
        traced: Any = TracedRecorder(recorder, self._sender.add, time.time_ns, self._section.sample)
        return traced  # type: ignore[no-any-return]

    def start(self) -> None:
        """Begin to send."""
        if self._sender is not None:
            self._sender.start()

    async def stop(self) -> None:
        """Send what is left."""
        if self._sender is not None:
            await self._sender.stop()
