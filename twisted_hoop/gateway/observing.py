"""What is done when a session opens and when it is over, whatever its protocol: counted, written down, logged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_hoop.archive.keeper import Keeper
from twisted_hoop.model import Outcome, Session
from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.store.sessions import SessionIndex


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
