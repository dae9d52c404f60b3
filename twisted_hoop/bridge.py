"""The bridge: the only code that joins two transports. It carries out a relay's steps, in order, and nothing else.

Order is the guarantee: when an entry cannot be recorded, what stands behind it is not sent, and the session ends (R1).
An exception in one session ends that session and no other (R15).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter
from typing import Any, Protocol, assert_never

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


class Bridge:
    """One session at work. `finished` is called once, with the outcome, when both sides have been let go."""

    log = Logger()

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
        self._steps: deque[Step] = deque()
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

    def client_received(self, data: bytes) -> None:
        """Bytes of the client."""
        self._guarded(self._relay.client_received, data)
        if not self._paused and self.outcome is None and self._relay.held_back() > HELD_BACK:
            self._paused = True
            self._client.pauseProducing()

    def target_received(self, data: bytes) -> None:
        """Bytes of the target."""
        self._guarded(self._relay.target_received, data)
        if self._paused and self.outcome is None and self._relay.held_back() <= HELD_BACK:
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
        except ProtocolError as error:
            self._fault(error.code, f"hoop: {error}", error)
        except RecordingFailed as error:
            self.log.error("recording failed, session ends: {error}", error=str(error), session=self.session.id)
            self._fault("58030", "hoop: the recording failed, the session ends", error)
        except Exception as error:  # noqa: BLE001  the boundary of the session (R15)
            self.log.failure("session failed", session=self.session.id)
            self._fault("XX000", "hoop: internal error, the session ends", error)

    def _carry_out(self, steps: Iterable[Step]) -> None:
        queue = self._steps
        queue.extend(steps)
        while queue and not self._syncing:
            step = queue.popleft()
            if isinstance(step, Record):
                self._recording.write(step.entry, step.entry.kind == "outcome")
            elif isinstance(step, ToTarget):
                if self._durable and not self._synced(step):
                    return
                self._target.write(step.data)
            elif isinstance(step, ToClient):
                self._client.write(step.data)
            elif isinstance(step, Ask):
                queue.extend(self._ask(step))
            elif isinstance(step, Refresh):
                self._spawn(self._refreshed())
            elif isinstance(step, Withdraw):
                self._withdraw(step.reason)
            elif isinstance(step, Finish):
                queue.clear()
                self._end(step.outcome)
                return
            else:
                assert_never(step)

    def _synced(self, step: ToTarget) -> bool:
        """Under `durability = "fsync"` a command leaves when its entry is on the disk; the steps wait meanwhile."""
        if self._on_disk is step:
            return True
        barrier = self._recording.barrier()
        if barrier is None:
            return True
        self._steps.appendleft(step)
        self._syncing, self._on_disk = True, step
        self._spawn(self._wait_for_disk(barrier))
        return False

    async def _wait_for_disk(self, barrier: Awaitable[None]) -> None:
        await barrier
        self._syncing = False
        self._guarded(lambda: ())

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
            self._recording.write(Entry("review", {"approval": pending.request.id, "text": ask.command.text}))
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
