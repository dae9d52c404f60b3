"""How the process of a gateway lives: its memory, its one key for hashes, its log of sessions, its end."""

from __future__ import annotations

import gc
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_hoop.archive.keeper import Keeper
from twisted_hoop.model import Outcome, Session
from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.sessions import Sessions
from twisted_hoop.store.sessions import SessionIndex

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


class SessionObserving:
    """A `services.SessionObserver`: what is counted, written down and logged of each session. `over` is called first
    when one ends."""

    log = Logger()

    def __init__(self, metrics: Metrics, index: SessionIndex, keeper: Keeper, over: Callable[[Session], None]) -> None:
        self._metrics, self._index, self._keeper, self._over = metrics, index, keeper, over

    def __call__(self, session: Session, outcome: Outcome | None, commands: int) -> None:
        """A session opened, or it is over."""
        work: Any
        if outcome is None:
            self._metrics.session_opened(session.target.name)
            work = self._index.opened(session)
            self._keeper.opened(session.id)
            log_session(self.log, "session opened", session)
        else:
            self._over(session)
            self._metrics.session_ended(session.target.name, outcome.code)
            work = self._index.closed(session.id, outcome, commands)
            self._keeper.closed(session.id)
            log_session(self.log, f"session ended: {outcome.code}", session)
        if isinstance(work, Deferred):
            work.addErrback(lambda f: self.log.warn("the index of sessions waits for the store: {e}", e=str(f.value)))


def log_session(log: Logger, what: str, session: Session) -> None:
    """One line, for operators."""
    log.info(
        "{what}",
        what=what,
        session=session.id,
        principal=session.principal.label,
        issuer=session.principal.issuer,
        target=session.target.name,
        peer=session.peer.address,
    )


def masking_key(state: Path) -> bytes:
    """The key that makes hashes join-preserving; made once, mode 0600, whole before it has its name."""
    path = state / "masking.key"
    if not path.exists():
        made = state / f"masking.key.{os.getpid()}"
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(made, path)  # fails when another process was first: its key is the one
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_bytes()
