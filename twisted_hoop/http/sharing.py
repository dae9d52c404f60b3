"""Requests that are one to people: what was decided of one holds for its like, for some seconds. Pure.

kubectl asks again over SPDY when a WebSocket was refused, and `kubectl cp` needs four requests: they ask with the same
key (`Reading.key`), so nobody is asked twice, and what was refused is not asked for again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from zope.interface import implementer

from twisted_hoop.interfaces import IGate
from twisted_hoop.model import Command, Decision, Effect, Refusal, Session, Verdict

SECONDS = 10.0
"""How long."""
_MOST = 256


class Shared:
    """What people said in one session, by key."""

    def __init__(self, gate: IGate, seconds: Callable[[], float]) -> None:
        self._gate = gate
        self._seconds = seconds
        self._known: dict[tuple[str, str], tuple[float, Verdict]] = {}

    def gate(self, key: Callable[[], str]) -> Any:
        """The gate for a request with that key, "" for none, which is asked for when it is judged: an IGate."""
        return KeyedGate(self._gate, self, key)

    def recall(self, key: tuple[str, str], decision: Decision) -> Verdict | None:
        """What was said under the same rule of the same rules."""
        found = self._known.get(key)
        if found is None:
            return None
        until, verdict = found
        was = verdict.decision
        if self._seconds() >= until or (was.rule, was.policy_version) != (decision.rule, decision.policy_version):
            del self._known[key]
            return None
        return verdict

    def remember(self, key: tuple[str, str], verdict: Verdict) -> None:
        """People said so. What is still pending, or could not be asked, is asked again."""
        if isinstance(verdict, Refusal) and verdict.code not in ("denied", "expired"):
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = (self._seconds() + SECONDS, verdict)


@implementer(IGate)
class KeyedGate:
    """A gate that remembers; policy is asked each time all the same."""

    def __init__(self, gate: IGate, shared: Shared, key: Callable[[], str]) -> None:
        self._gate = gate
        self._shared = shared
        self._key = key

    def judge(self, session: Session, command: Command) -> Verdict | Decision:
        """See IGate."""
        verdict = self._gate.judge(session, command)
        if isinstance(verdict, Decision) and verdict.effect is Effect.REVIEW:
            key = self._key()
            return (self._shared.recall(_of(key, command), verdict) or verdict) if key else verdict
        return verdict

    async def review(
        self, session: Session, command: Command, decision: Decision, filed: Callable[[Any], None]
    ) -> Verdict:
        """See IGate."""
        key = self._key()
        work: Awaitable[Verdict] = self._gate.review(session, command, decision, filed)
        verdict = await work
        if key and (isinstance(verdict, Refusal) or verdict.decision.effect is Effect.REVIEW):
            self._shared.remember(_of(key, command), verdict)
        return verdict


def _of(key: str, command: Command) -> tuple[str, str]:
    """What was said of one body says nothing of another."""
    return key, repr(command.context)
