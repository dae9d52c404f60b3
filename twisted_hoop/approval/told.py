"""Telling those who want to know that a request changed, in the process where it did: counts and notices.

Never a condition for anything: what is told of has happened, and whoever fails to listen harms nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted.logger import Logger

from twisted_hoop.approval.requests import Request

Listener = Callable[[str, Request], None]
"""Called with what happened ("requested", "voted", or the state that was reached) and the request as it stands."""


class Told:
    """Those who listen."""

    _log = Logger()

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Have it called from now on, in the reactor's thread."""
        self._listeners.append(listener)

    def tell(self, event: str, requests: Iterable[Request]) -> None:
        """Tell all of them; a listener's fault is logged and keeps nobody else from being told."""
        for request in requests:
            for listener in self._listeners:
                try:
                    listener(event or request.state.value, request)
                except Exception:  # noqa: BLE001  the boundary between what happened and who hears of it (R15)
                    self._log.failure("somebody could not be told of {id}", id=request.id)
