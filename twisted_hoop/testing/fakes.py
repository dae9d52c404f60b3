"""Providers that keep everything in memory and do as they are told. They provide the interfaces, not the behaviour."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet.defer import succeed
from zope.interface import implementer

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.gate import Gate
from twisted_hoop.interfaces import IApprover, IGate, IPendingApproval, IPolicy, IRecorder, IRecording
from twisted_hoop.model import (
    Approval,
    ApprovalRequest,
    Command,
    Decision,
    Effect,
    Entry,
    Outcome,
    Peer,
    Principal,
    Session,
    Target,
    Verdict,
)

ALLOWED = Decision(Effect.ALLOW, "test: allow", policy_version="v1")
DENIED = Decision(Effect.DENY, "test: deny", "not in this test", policy_version="v1")

Deciding = Callable[[Session, Command], Decision]


def make_session(principal: Principal | None = None, target: Target | None = None, **attributes: str) -> Session:
    """A session of Alice on the target `shop`, unless told otherwise."""
    who = principal or Principal("https://issuer.test", "alice", name="alice", groups=frozenset({"dba"}))
    where = target or Target("shop", "postgres", "tcp:127.0.0.1:5432", groups=frozenset({"*"}))
    return Session("session-1", who, where, Peer("192.0.2.1", 5000, True), 0.0, {"database": "shop", **attributes})


@implementer(IPolicy)
class FakePolicy:
    """Says what `decide` says, about sessions `authorized`. `asked` has every command it was asked about."""

    def __init__(self, decide: Deciding | Decision = ALLOWED, version: str = "v1", authorized: bool = True) -> None:
        self.version = version
        self.answer = decide
        self.authorized = authorized
        self.asked: list[Command] = []

    def authorize(self, principal: Principal, target: Target) -> Decision:
        """See IPolicy."""
        return ALLOWED if self.authorized else DENIED

    def decide(self, session: Session, command: Command) -> Decision:
        """See IPolicy."""
        self.asked.append(command)
        return self.answer if isinstance(self.answer, Decision) else self.answer(session, command)


@implementer(IPendingApproval)
class FakePending:
    """A filed request that is answered with `approval` as soon as somebody waits."""

    def __init__(self, request: ApprovalRequest, approval: Approval) -> None:
        self.request = request
        self.approval = approval
        self.withdrawn: list[str] = []

    async def wait(self) -> Approval:
        """See IPendingApproval."""
        return self.approval

    def withdraw(self, reason: str) -> None:
        """See IPendingApproval."""
        self.withdrawn.append(reason)


@implementer(IApprover)
class FakeApprover:
    """Answers every request with `approval`; `granted` is what `usable` finds. `fault` is raised instead when set."""

    def __init__(self, approval: Approval | None = None, granted: Approval | None = None) -> None:
        self.approval = approval or Approval("request-1", True, "granted", "digest", by=("bob",))
        self.granted = granted
        self.fault: Exception | None = None
        self.filed: list[Command] = []
        self.pending: list[FakePending] = []
        self.sessions_over: list[str] = []

    async def usable(self, session: Session, command: Command, decision: Decision) -> Approval | None:
        """See IApprover."""
        return self.granted

    async def file(self, session: Session, command: Command, decision: Decision) -> FakePending:
        """See IApprover."""
        if self.fault is not None:
            raise self.fault
        self.filed.append(command)
        request = ApprovalRequest(self.approval.id, f"https://hoop.test/{self.approval.id}", "digest", 60.0)
        self.pending.append(FakePending(request, self.approval))
        return self.pending[-1]

    def ended(self, session: Session) -> None:
        """See IApprover."""
        self.sessions_over.append(session.id)


@implementer(IGate)
class FakeGate:
    """The real gate over a FakePolicy and a FakeApprover: nothing else can make an Admission."""

    def __init__(self, decide: Deciding | Decision = ALLOWED, approver: FakeApprover | None = None) -> None:
        self.policy = FakePolicy(decide)
        self.approver = approver or FakeApprover()
        self._gate = Gate(lambda: self.policy, self.approver)

    def judge(self, session: Session, command: Command) -> Verdict | Decision:
        """See IGate."""
        return self._gate.judge(session, command)

    def review(
        self, session: Session, command: Command, decision: Decision, filed: Callable[[Any], None]
    ) -> Awaitable[Verdict]:
        """See IGate."""
        return self._gate.review(session, command, decision, filed)


@implementer(IRecording)
class FakeRecording:
    """Keeps `entries`. With `after` given, so many writes succeed and all later ones fail."""

    def __init__(self, session_id: str = "session-1", after: int | None = None) -> None:
        self.id = session_id
        self.on_failure: Any = None
        self.entries: list[Entry] = []
        self.outcome: Outcome | None = None
        self.waiting: Awaitable[None] | None = None
        """What `barrier` answers with: None is as durable as configured already."""
        self._after = after

    def write(self, entry: Entry, lazy: bool = False) -> None:
        """See IRecording."""
        if self._after is not None and len(self.entries) >= self._after:
            raise RecordingFailed("the disk is full (as this test wants it)")
        self.entries.append(entry)

    def barrier(self) -> Awaitable[None] | None:
        """See IRecording."""
        return self.waiting

    def close(self, outcome: Outcome) -> Awaitable[None]:
        """See IRecording: it starts at once, awaited or not."""
        self.outcome = self.outcome or outcome
        return succeed(None)


@implementer(IRecorder)
class FakeRecorder:
    """Makes FakeRecordings and keeps them in `recordings`."""

    def __init__(self) -> None:
        self.recordings: list[FakeRecording] = []

    def open(self, session: Session, policy_version: str = "") -> FakeRecording:
        """See IRecorder."""
        self.recordings.append(FakeRecording(session.id))
        return self.recordings[-1]
