"""What a look found, and how looks are taken: all at once, each with its own deadline."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred, gatherResults
from twisted.python.failure import Failure

from twisted_hoop.errors import HoopError

T = TypeVar("T")
State = Literal["ok", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do, "" when nothing. Never holds a secret (R11)."""

    area: str
    name: str
    state: State
    what: str
    todo: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """Something to look at. `todo` is what to do when the look itself fails or takes too long."""

    area: str
    name: str
    take: Callable[[], Awaitable[list[Finding]]]
    todo: str = ""


async def take_all(reactor: Any, looks: Iterable[Look], patience: float) -> list[Finding]:
    """What all looks found, in their order, after `patience` seconds at most."""
    running = [Deferred.fromCoroutine(_taken(reactor, look, patience)) for look in looks]
    return [each for found in await gatherResults(running) for each in found]


async def _taken(reactor: Any, look: Look, patience: float) -> list[Finding]:
    async def work() -> list[Finding]:
        return await look.take()

    waiting = Deferred.fromCoroutine(work())
    waiting.addTimeout(patience, reactor)
    try:
        return await waiting
    except (defer.TimeoutError, CancelledError):
        why = f"no answer within {patience:g} s"
    except HoopError as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001  its text may be anything, also a secret's: only its kind is told (R11)
        why = f"the look failed: {type(error).__name__}"
    return [Finding(look.area, look.name, "error", why, look.todo)]


def in_thread(reactor: Any, work: Callable[[], T]) -> Deferred[T]:
    """What `work` gives, which blocks. Whoever waits for it no longer does not keep the program alive.

    That is why it is no thread of the reactor's pool: a file system or name server that hangs would keep that from
    stopping, and a doctor has to come to an end.
    """
    done: Deferred[T] = Deferred(lambda _: None)

    def tell(result: Any) -> None:
        if not done.called:
            done.callback(result)

    def run() -> None:
        result: Any
        try:
            result = work()
        except BaseException:  # noqa: BLE001  it is the waiter's
            result = Failure()
        reactor.callFromThread(tell, result)

    threading.Thread(target=run, name="hoop-doctor", daemon=True).start()
    return done
