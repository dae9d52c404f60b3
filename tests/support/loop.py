"""A reactor of its own in a thread, for tests whose parts need one that really runs.

with running_loop() as loop:
    value = loop.run(lambda: some_coroutine_or_deferred())

`loop.reactor` is never installed: code that imports the reactor instead of taking it as an argument does not see it.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.threads import blockingCallFromThread
from twisted.protocols import tls

T = TypeVar("T")
TIMEOUT = 30.0
_by_thread: dict[int, EPollReactor] = {}
_process_clock = tls._get_default_clock


def _clock_of_this_thread() -> Any:
    """Twisted's TLS takes the installed reactor as its clock and cannot be given another: give it the thread's own."""
    return _by_thread.get(threading.get_ident()) or _process_clock()


tls._get_default_clock = _clock_of_this_thread


@dataclass(frozen=True)
class Loop:
    """A running reactor."""

    reactor: Any

    @overload
    def run(self, work: Callable[[], Awaitable[T]]) -> T: ...

    @overload
    def run(self, work: Callable[[], T]) -> T: ...

    def run(self, work: Callable[[], Any]) -> Any:
        """Call `work` in the reactor's thread; wait for what it gives, and give or raise that."""
        return blockingCallFromThread(self.reactor, lambda: self._bounded(work()))

    def _bounded(self, given: Any) -> Any:
        if not hasattr(given, "__await__"):
            return given
        waiting: Deferred[Any] = given if isinstance(given, Deferred) else ensureDeferred(given)
        return waiting.addTimeout(TIMEOUT, self.reactor)


@contextmanager
def running_loop() -> Iterator[Loop]:
    """A reactor that runs until the block is left."""
    reactor = EPollReactor()
    started = threading.Event()
    reactor.callWhenRunning(lambda: _by_thread.__setitem__(threading.get_ident(), reactor))
    reactor.callWhenRunning(started.set)
    thread = threading.Thread(target=reactor.run, kwargs={"installSignalHandlers": False}, daemon=True)
    thread.start()
    assert started.wait(TIMEOUT)
    try:
        yield Loop(reactor)
    finally:
        reactor.callFromThread(reactor.stop)
        thread.join(TIMEOUT)
        _by_thread.pop(thread.ident or 0, None)
        for selectable in reactor.removeAll():
            selectable.connectionLost(None)
        reactor._poller.close()
