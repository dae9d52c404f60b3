"""How the process of a gateway lives: what it settles once it is ready, and how its sessions come to their end."""

from __future__ import annotations

import gc
from typing import Any

from twisted.internet.defer import Deferred

from twisted_hoop.sessions import Sessions

GOODBYE = "hoop: the gateway stops; connect again"
_LAST = 5.0  # seconds in which sessions that were ended say goodbye


async def ended(sessions: Sessions, reactor: Any, patience: float) -> None:
    """Let what runs finish, transactions too, `patience` seconds at most; then end every session in its own words."""
    until = reactor.seconds() + patience
    while reactor.seconds() < until and any(any(live.handle.activity()[1:]) for live in sessions):
        await pause(reactor, 0.05)
    for live in sessions:
        live.handle.end("57P01", GOODBYE)
    last = reactor.seconds() + _LAST
    while len(sessions) and reactor.seconds() < last:
        await pause(reactor, 0.02)


def pause(reactor: Any, seconds: float) -> Deferred[None]:
    """Fires after so many seconds."""
    waited: Deferred[None] = Deferred()
    reactor.callLater(seconds, waited.callback, None)
    return waited


def settle_memory() -> None:
    """What is loaded now stays: the collector need not walk it at every turn (a fifth of a query's CPU)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
