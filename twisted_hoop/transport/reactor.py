"""Twisted's epoll reactor with a short way to our own transports; to everything else it is what it was.

For each event Twisted's makes a logging context, asks the descriptor who it is, and goes round its main loop: timed
calls, calls from threads, a new timeout. For a small message that costs more than policy and recording together. Here
our own transports, which log by themselves, are called directly, and the loop goes round only when there is something
in it to do.
"""

from __future__ import annotations

import errno
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.main import installReactor
from twisted.logger import Logger
from twisted.python import log

from twisted_hoop.transport.dispatch import dispatch
from twisted_hoop.transport.stream import EagerTransport

EVENTS_AT_ONCE = 256
"""Most events asked for in one call; the others come with the next."""
SWEEP = 50
"""Calls taken back that may wait for their time: Twisted's own number."""


class GatewayReactor(EPollReactor):
    """See the module. Install it before anything else installs one."""

    _log = Logger()

    def mainLoop(self) -> None:
        """Twisted's: timed calls and calls from threads, then events, until it is stopped."""
        while self._started:
            try:
                self.runUntilCurrent()
                self._turns(self.timeout() if self.running else 0)
            except Exception:  # noqa: BLE001  as Twisted's own does
                self._log.failure("Unexpected error in main loop.")

    def doPoll(self, timeout: float | None) -> None:
        """Wait once for events, and handle them: what `iterate` needs."""
        self._turn(timeout)

    doIteration = doPoll

    def _turns(self, timeout: float | None) -> None:
        """Turn after turn while there is nothing to do between them but to wait for the next event."""
        while self._turn(timeout) and not self._called():
            timeout = self.timeout()
            if timeout == 0:
                return

    def _called(self) -> bool:
        """Whether something was put into the main loop's hands meanwhile, or calls taken back are to be swept out."""
        return bool(self.threadCallQueue or self._justStopped or not self._started or self._cancellations > SWEEP)

    def _turn(self, timeout: float | None) -> bool:
        """Whether only our transports had something to do."""
        try:
            events = self._poller.poll(-1 if timeout is None else timeout, EVENTS_AT_ONCE)
        except OSError as error:
            if error.errno == errno.EINTR:
                return False
            raise
        return dispatch(events, self._selectables, self._other, self._failed) and bool(events)

    def _other(self, selectable: Any, fd: int, event: int) -> None:
        log.callWithLogger(selectable, self._doReadOrWrite, selectable, fd, event)

    def _failed(self, transport: EagerTransport, error: Exception) -> None:
        self._log.failure("{prefix}: the transport failed; its connection is lost", prefix=transport.logPrefix())
        self._disconnectSelectable(transport, error, False)  # type: ignore[no-untyped-call]


def install() -> None:
    """Make it the process's reactor. Raises ReactorAlreadyInstalledError."""
    installReactor(GatewayReactor())  # type: ignore[no-untyped-call]
