"""Looks at every live session once a second: may it still go on, by its identity, its rights, its limits (I9)?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_hoop.interfaces import IIdentityProvider, IPolicy
from twisted_hoop.model import Effect, Session
from twisted_hoop.sessions import OUTDATED, Live, Sessions


@dataclass(slots=True)
class _Seen:
    commands: int
    since: float
    began: float


class Warden:
    """See the module. `lock_holds` answers why a session's target or people are locked, or ""."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        sessions: Sessions,
        identity: Callable[[], IIdentityProvider],
        policy: Callable[[], IPolicy],
        lock_holds: Callable[[Session], str],
    ) -> None:
        self._sessions = sessions
        self._identity = identity
        self._policy = policy
        self._lock_holds = lock_holds
        self._seen: dict[str, _Seen] = {}
        self._reactor = reactor
        self._loop = LoopingCall(self.look)
        self._loop.clock = reactor

    def start(self) -> None:
        """Begin."""
        self._loop.start(1.0, now=False).addErrback(lambda f: self.log.failure("the warden stopped", failure=f))

    def stop(self) -> None:
        """End."""
        if self._loop.running:
            self._loop.stop()

    def look(self) -> None:
        """One round. A session that fails to be looked at is ended: when unsure, fail closed."""
        now = self._reactor.seconds()
        live = list(self._sessions)
        for each in live:
            try:
                verdict = self._rights(each) or self._limits(each, now)
            except Exception:  # noqa: BLE001  one session that cannot be checked must not keep the others unchecked
                self.log.failure("a session could not be looked at", session=each.session.id)
                verdict = ("57P01", "the session could not be checked")
            if verdict is not None:
                self.log.info("session ends: {why}", why=verdict[1], session=each.session.id)
                each.handle.end(*verdict)
        alive = {each.session.id for each in live}
        self._seen = {key: seen for key, seen in self._seen.items() if key in alive}

    def _rights(self, live: Live) -> tuple[str, str] | None:
        if live.handle.outdated():
            return "57P01", OUTDATED
        session = live.session
        if not self._identity().still_valid(session.principal):
            return "57P01", "hoop: the token has expired or was revoked; connect again with a fresh one"
        reason = self._lock_holds(session)
        if reason:
            return "57P01", f"hoop: locked: {reason}"
        if self._policy().authorize(session.principal, session.target).effect is not Effect.ALLOW:
            return "57P01", "hoop: this target is not open to you any more"
        return None

    def _limits(self, live: Live, now: float) -> tuple[str, str] | None:
        limits, handle = live.session.target.limits, live.handle
        seen = self._seen.setdefault(live.session.id, _Seen(0, now, now))
        commands, busy, in_transaction = handle.activity()
        if commands != seen.commands or busy:
            seen.commands, seen.since = commands, now
        quiet = now - seen.since
        if limits.session and now - seen.began >= limits.session:
            return "57P01", f"hoop: sessions on {live.session.target.name} end after {limits.session:.0f} seconds"
        if in_transaction and limits.transaction and quiet >= limits.transaction:
            return "25P03", f"hoop: idle in a transaction for {limits.transaction:.0f} seconds"
        if limits.idle and quiet >= limits.idle:
            return "57P05", f"hoop: idle for {limits.idle:.0f} seconds"
        return None
