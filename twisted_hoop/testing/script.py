"""A playbook for one relay: say what the client and the target send, look at the steps that came of it.

    script = Script(relay)
    heard = script.client(query(b"select 1"))
    assert heard.kinds == "Ask Record ToTarget"
    assert script.target(complete("SELECT 1"), ready()).client

Questions are answered at once by the gate, as the bridge does it. No transport, no clock, no reactor.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from twisted_hoop.interfaces import IGate, IRelay
from twisted_hoop.model import Command, Decision, Entry, Outcome, Session, Verdict
from twisted_hoop.steps import Ask, Finish, Record, Refresh, Side, Step, ToClient, ToTarget
from twisted_hoop.testing.fakes import FakeGate, make_session


@dataclass(frozen=True, slots=True)
class Heard:
    """The steps that came of one thing that happened, in order."""

    steps: tuple[Step, ...]

    @property
    def client(self) -> bytes:
        """What the client gets."""
        return b"".join(s.data for s in self.steps if isinstance(s, ToClient))

    @property
    def target(self) -> bytes:
        """What the target gets."""
        return b"".join(s.data for s in self.steps if isinstance(s, ToTarget))

    @property
    def entries(self) -> list[Entry]:
        """What is recorded."""
        return [s.entry for s in self.steps if isinstance(s, Record)]

    @property
    def asked(self) -> list[Command]:
        """What the gate was asked."""
        return [s.command for s in self.steps if isinstance(s, Ask)]

    @property
    def kinds(self) -> str:
        """The names of the steps, separated by blanks."""
        return " ".join(type(s).__name__ for s in self.steps)

    @property
    def outcome(self) -> Outcome | None:
        """How the session ended, if it did."""
        return next((s.outcome for s in self.steps if isinstance(s, Finish)), None)


class Script:
    """See the module. `refresh` is what is done for a Refresh; a REVIEW waits in `waiting` until it is `settle`d."""

    def __init__(
        self,
        relay: Any,
        gate: Any = None,
        session: Session | None = None,
        refresh: Callable[[], None] = lambda: None,
    ) -> None:
        self.relay: IRelay = relay
        self.gate: IGate = gate if gate is not None else FakeGate()
        self.session = session or make_session()
        self.steps: list[Step] = []
        self.waiting: tuple[Command, Decision] | None = None
        self._refresh = refresh

    def client(self, *messages: bytes) -> Heard:
        """The client sends these, in one piece."""
        return self._carried(self.relay.client_received(b"".join(messages)))

    def target(self, *messages: bytes) -> Heard:
        """The target sends these, in one piece."""
        return self._carried(self.relay.target_received(b"".join(messages)))

    def settle(self) -> Heard:
        """The command that waits is reviewed: whatever the gate's approver answers comes back to the relay."""
        assert self.waiting is not None, "nothing waits for a review"
        command, decision = self.waiting
        held: list[Step] = []
        verdict: Verdict = run_now(
            self.gate.review(
                self.session, command, decision, lambda pending: held.extend(self.relay.held(pending.request, decision))
            )
        )
        self.waiting = None
        return self._carried([*held, *self.relay.decided(verdict)])

    def cancel(self) -> Heard | None:
        """The client cancels; None when the target must be told."""
        steps = self.relay.cancelled()
        if steps is None:
            return None
        self.waiting = None
        return self._carried(steps)

    def lost(self, side: Side) -> Heard:
        """One side is gone."""
        return self._carried(self.relay.lost(side))

    def end(self, code: str, message: str) -> Heard:
        """The gateway ends the session."""
        return self._carried(self.relay.ended(code, message))

    def _carried(self, steps: list[Step]) -> Heard:
        queue, done = deque(steps), list[Step]()
        while queue:
            step = queue.popleft()
            done.append(step)
            if isinstance(step, Ask):
                queue.extend(self._judged(step.command))
            elif isinstance(step, Refresh):
                self._refresh()
                queue.extend(self.relay.refreshed())
        self.steps += done
        return Heard(tuple(done))

    def _judged(self, command: Command) -> list[Step]:
        verdict = self.gate.judge(self.session, command)
        if isinstance(verdict, Decision):
            self.waiting = (command, verdict)
            return []
        return self.relay.decided(verdict)


def run_now(work: Any) -> Any:
    """The result of a coroutine that never has to wait; an AssertionError when it does."""
    coroutine: Coroutine[Any, Any, Any] = work
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    raise AssertionError("the coroutine waits for something")
