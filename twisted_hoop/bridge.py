"""The bridge: the only code that joins two transports. It carries out a relay's steps, in order, and nothing else.

Order is the guarantee: when an entry cannot be recorded, what stands behind it is not sent, and the session ends (R1).
Only what a command came to, its outcome, is written behind the answer it came with.
An exception in one session ends that session and no other (R15).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from time import perf_counter
from typing import Any, ClassVar, Protocol, assert_never

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITransport
from twisted.logger import Logger

from twisted_hoop.errors import ProtocolError, RecordingFailed
from twisted_hoop.interfaces import IGate, IPendingApproval, IRecording, IRelay
from twisted_hoop.model import Decision, Entry, Outcome, Session
from twisted_hoop.steps import Ask, Finish, Record, Refresh, Side, Step, ToClient, ToTarget, Withdraw

HELD_BACK = 256 * 1024
"""Bytes of a waiting client that are kept before its socket is not read any more."""


class Meter(Protocol):
    """What the bridge counts; see metrics.py."""

    def decided(self, target: str, decision: Decision, seconds: float) -> None:
        """One command was judged; `seconds` is the time that policy took."""

    def answered(self, target: str, masked: int, size: int) -> None:
        """One was answered, with so many bytes of rows and so many values masked in them."""


class Bridge:
    """One session at work. `finished` is called once, with the outcome, when both sides have been let go."""

    log: ClassVar[Logger] = Logger()

    def __init__(
        self,
        session: Session,
        relay: Any,
        gate: IGate,
        recording: Any,
        *,
        refresh: Callable[[], Awaitable[None]],
        finished: Callable[[Outcome], None],
        meter: Meter | None = None,
    ) -> None:
        self.session = session
        self._relay: IRelay = relay
        self._gate = gate
        self._recording: IRecording = recording
        self._refresh = refresh
        self._finished = finished
        self._meter = meter
        self._client: Any = None
        self._target: Any = None
        self._pending: IPendingApproval | None = None
        self._question = 0
        self._paused = False
        self._steps: list[Step] = []
        self._outcomes: list[Entry] = []
        self._syncing = False
        self._on_disk: Step | None = None
        self._durable = recording.barrier() is not None
        self.outcome: Outcome | None = None
        self.commands = 0

    def join(self, client: ITransport, target: ITransport) -> None:
        """Both transports are there: each is slowed down by the other from now on."""
        self._client, self._target = client, target
        self._recording.on_failure = self._recording_failed
        self._client.registerProducer(_Reading(self, target), True)
        self._target.registerProducer(client, True)

    # -- what happens ---------------------------------------------------------------------------------------------

    def client_received(self, data: Any) -> None:
        """Bytes of the client."""
        if self.outcome is not None:
            return
        try:
            self._carry_out(self._relay.client_received(data))
        except Exception as error:  # noqa: BLE001  the boundary of the session (R15)
            self._failed(error)
        if not self._paused:
            self._hold_client()

    def _hold_client(self) -> None:
        if self.outcome is None and self._relay.held_back() > HELD_BACK:
            self._paused = True
            self._client.pauseProducing()

    def target_received(self, data: Any) -> None:
        """Bytes of the target."""
        if self.outcome is not None:
            return
        try:
            self._carry_out(self._relay.target_received(data))
        except Exception as error:  # noqa: BLE001  the boundary of the session (R15)
            self._failed(error)
        if self._paused:
            self._release_client()

    def _release_client(self) -> None:
        if self.outcome is None and self._relay.held_back() <= HELD_BACK:
            self._paused = False
            self._client.resumeProducing()

    def lost(self, side: Side) -> None:
        """One side is gone."""
        self._withdraw("the client is gone" if side == "client" else "the target is gone")
        self._guarded(self._relay.lost, side)
        if self.outcome is None:
            self._end(Outcome(f"{side}-lost"))

    def end(self, code: str, message: str) -> None:
        """End the session for a reason of the gateway's: a lock, a limit, a stop."""
        if self.outcome is None:
            self._withdraw(message)
            self._guarded(self._relay.ended, code, message)

    def carry(self, produce: Callable[[], Iterable[Step]]) -> None:
        """Carry out what the relay says to something only its protocol knows of: that a moment has passed, say."""
        self._guarded(produce)

    def cancel(self) -> bool:
        """The client cancels. True when that was settled here; False when the target must be told."""
        if self.outcome is not None:
            return True
        steps = self._relay.cancelled()
        if steps is None:
            return False
        self._guarded(lambda: steps)
        return True

    # -- carrying out ---------------------------------------------------------------------------------------------

    def _guarded(self, produce: Callable[..., Iterable[Step]], *arguments: Any) -> None:
        if self.outcome is not None:
            return
        try:
            self._carry_out(produce(*arguments))
        except Exception as error:  # noqa: BLE001  the boundary of the session (R15)
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        """Called where it was caught: whatever it is, this session ends and no other (R15)."""
        if isinstance(error, ProtocolError):
            self._fault(error.code, f"hoop: {error}", error)
        elif isinstance(error, RecordingFailed):
            self.log.error("recording failed, session ends: {error}", error=str(error), session=self.session.id)
            self._fault("58030", "hoop: the recording failed, the session ends", error)
        else:
            self.log.failure("session failed", session=self.session.id)
            self._fault("XX000", "hoop: internal error, the session ends", error)

    def _carry_out(self, steps: Iterable[Step]) -> None:
        """Each in its turn. Those behind one that waits, or asks, stand in `_steps` until it is done."""
        todo = steps if isinstance(steps, list) else list(steps)
        if self._syncing or self._steps:
            self._steps += todo
            todo = self._resumed()
        place = 0
        while place < len(todo):
            step = todo[place]
            place += 1
            if isinstance(step, Record):
                self._record(step.entry)
            elif isinstance(step, ToClient):
                self._client.write(step.data)
            elif isinstance(step, ToTarget) and not (self._durable and self._on_disk is not step):
                self._target.write(step.data)
            else:
                todo, place = self._seldom(step, todo[place:]), 0
        if self._outcomes:
            self._record_outcomes()

    def _resumed(self) -> list[Step]:
        """What stands in `_steps`, to be done now, unless the disk is waited for."""
        if self._syncing:
            return []
        steps, self._steps = self._steps, []
        return steps

    def _seldom(self, step: Ask | ToTarget | Refresh | Withdraw | Finish, rest: list[Step]) -> list[Step]:
        """What may take time, or lead to other steps meanwhile; all that is to be done behind it comes back."""
        self._steps = rest
        if isinstance(step, Ask):
            more = self._ask(step)
            self._steps += more
        elif isinstance(step, ToTarget):
            self._steps = [step, *rest]
            self._sync(step)
        elif isinstance(step, Refresh):
            self._spawn(self._refreshed())
        elif isinstance(step, Withdraw):
            self._withdraw(step.reason)
        elif isinstance(step, Finish):
            self._steps = []
            self._record_outcomes()
            self._end(step.outcome)
        else:
            assert_never(step)
        return self._resumed()

    def _record(self, entry: Entry) -> None:
        """At once, in front of all that follows (R1); an outcome behind the answer, which need not wait for it."""
        if entry.kind == "outcome":
            self._outcomes.append(entry)
            return
        if self._outcomes:
            self._record_outcomes()
        self._recording.write(entry, False)

    def _record_outcomes(self) -> None:
        entries, self._outcomes = self._outcomes, []
        for entry in entries:
            self._recording.write(entry, True)
            if self._meter is not None:
                self._count(self._meter, entry)

    def _count(self, meter: Meter, entry: Entry) -> None:
        masked, size = entry.data.get("masked"), entry.data.get("bytes")
        if isinstance(masked, int) and isinstance(size, int):
            meter.answered(self.session.target.name, masked, size)

    def _sync(self, step: ToTarget) -> None:
        """Under `fsync-per-command` a command leaves when its entry is on the disk; the steps wait meanwhile."""
        self._on_disk = step
        barrier = self._recording.barrier()
        if barrier is not None:
            self._syncing = True
            self._spawn(self._wait_for_disk(barrier))

    async def _wait_for_disk(self, barrier: Awaitable[None]) -> None:
        await barrier
        self._syncing = False
        self._guarded(list)

    def _ask(self, ask: Ask) -> Iterable[Step]:
        self.commands += 1
        began = perf_counter()
        verdict = self._gate.judge(self.session, ask.command)
        if self._meter is not None:
            decision = verdict if isinstance(verdict, Decision) else verdict.decision
            self._meter.decided(self.session.target.name, decision, perf_counter() - began)
        if isinstance(verdict, Decision):
            self._question += 1
            self._spawn(self._review(ask, verdict, self._question))
            return ()
        return self._relay.decided(verdict)

    async def _review(self, ask: Ask, decision: Decision, question: int) -> None:
        def filed(pending: IPendingApproval) -> None:
            if self.outcome is not None or self._question != question:
                pending.withdraw("the client is gone")
                return
            self._pending = pending
            self._record(Entry("review", {"approval": pending.request.id, "text": ask.command.text}))
            self._guarded(self._relay.held, pending.request, decision)

        verdict = await self._gate.review(self.session, ask.command, decision, filed)
        if self.outcome is not None or self._question != question:
            return
        self._pending = None
        self._answered(self._relay.decided, verdict)

    async def _refreshed(self) -> None:
        self._question += 1
        await self._refresh()
        if self.outcome is None:
            self._answered(self._relay.refreshed)

    def _answered(self, produce: Callable[..., Iterable[Step]], *arguments: Any) -> None:
        self._question += 1
        if self._paused:
            self._paused = False
            self._client.resumeProducing()
        self._guarded(produce, *arguments)

    def _spawn(self, work: Awaitable[None]) -> None:
        """Run it; a failure nobody awaits ends the session instead of being lost."""

        def failed(failure: Any) -> None:
            self.log.failure("session failed", failure=failure, session=self.session.id)
            self._fault("58000", "hoop: the command could not be judged, the session ends", failure.value)

        Deferred.fromCoroutine(work).addErrback(failed)  # type: ignore[arg-type]

    def _withdraw(self, reason: str) -> None:
        pending, self._pending = self._pending, None
        self._question += 1  # an answer still on its way is not waited for any more
        if pending is not None:
            pending.withdraw(reason)

    # -- ending ---------------------------------------------------------------------------------------------------

    def _recording_failed(self, error: RecordingFailed) -> None:
        """An entry that was on its way did not arrive: nothing more is carried (R1)."""
        self._fault("58030", "hoop: the recording failed, the session ends", error)

    def _fault(self, code: str, message: str, error: BaseException) -> None:
        if self.outcome is not None:
            return
        self._withdraw(message)
        try:
            for step in self._relay.ended(code, message):
                if isinstance(step, ToClient) and self._client is not None:
                    self._client.write(step.data)
        finally:
            self._end(Outcome("failed", f"{message} ({error})"))

    def _end(self, outcome: Outcome) -> None:
        if self.outcome is not None:
            return
        self.outcome = outcome
        with suppress(RecordingFailed):
            self._record_outcomes()
        for transport in (self._client, self._target):
            if transport is not None:
                transport.unregisterProducer()
                transport.loseConnection()
        self._finished(outcome)


class _Reading:
    """What the client's transport slows down: the reading of the target."""

    def __init__(self, bridge: Bridge, target: Any) -> None:
        self._target = target

    def pauseProducing(self) -> None:
        """The client takes no more for now."""
        self._target.pauseProducing()

    def resumeProducing(self) -> None:
        """It does again."""
        self._target.resumeProducing()

    def stopProducing(self) -> None:
        """The client is gone."""
        self._target.loseConnection()
