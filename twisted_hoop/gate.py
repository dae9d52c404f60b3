"""The one way every command takes: policy, then approval. Only this module makes an Admission."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from zope.interface import classImplements

from twisted_hoop.errors import HoopError, LimitExceeded
from twisted_hoop.interfaces import IApprover, IGate, IPendingApproval, IPolicy
from twisted_hoop.model import _GATE_TOKEN, Admission, Approval, Command, Decision, Effect, Refusal, Session, Verdict

_ALLOW: Final = Effect.ALLOW
_DENY: Final = Effect.DENY


class Gate:
    """Policy first, then people. A fault in either refuses: the gate fails closed.

    `policy` is asked for at each decision, so that a reload takes effect on the next command (R13).
    """

    def __init__(self, policy: Callable[[], IPolicy], approver: IApprover) -> None:
        self._policy = policy
        self._approver = approver

    def judge(self, session: Session, command: Command) -> Verdict | Decision:
        """See IGate."""
        decision = self._policy().decide(session, command)
        effect = decision.effect
        if effect is _ALLOW:
            return Admission(_GATE_TOKEN, command, decision)
        if effect is _DENY:
            return _denied(command, decision)
        if not command.executes:
            return Admission(_GATE_TOKEN, command, decision)
        return decision

    async def review(
        self, session: Session, command: Command, decision: Decision, filed: Callable[[IPendingApproval], None]
    ) -> Verdict:
        """See IGate. What was approved is decided again before it is admitted (A5)."""
        try:
            approval = await self._approver.usable(session, command, decision)
            if approval is None:
                pending = await self._approver.file(session, command, decision)
                if not decision.wait:
                    return _pending(command, decision, pending)
                filed(pending)
                approval = await pending.wait()
        except LimitExceeded as error:
            return Refusal(command, decision, "limited", str(error), "Wait for the pending requests to be decided.")
        except HoopError as error:
            return Refusal(command, decision, "failed", f"the approval could not be asked for: {error}", "Try again.")
        if not approval.granted:
            return _not_granted(command, decision, approval)
        return self._again(session, command, decision, approval)

    def _again(self, session: Session, command: Command, decision: Decision, approval: Approval) -> Verdict:
        now = self._policy().decide(session, command)
        if now.effect is Effect.ALLOW:
            return Admission(_GATE_TOKEN, command, now, approval)
        if now.effect is Effect.REVIEW and now.policy_version == decision.policy_version and now.rule == decision.rule:
            return Admission(_GATE_TOKEN, command, now, approval)
        reason = f"{now.reason or now.rule} (the rules changed while the command waited)"
        return Refusal(command, now, "denied", reason, "Send the command again.")


classImplements(Gate, IGate)  # a decorator would keep mypyc from making it native


def _denied(command: Command, decision: Decision) -> Refusal:
    message = decision.reason or "no rule allows this"
    return Refusal(command, decision, "denied", message, "Ask an operator which rule should allow this.")


def _pending(command: Command, decision: Decision, pending: IPendingApproval) -> Refusal:
    request = pending.request
    message = decision.reason or "this needs an approval"
    hint = f"Approval request {request.id} was filed: {request.url} - run the same command again once it is approved."
    return Refusal(command, decision, "pending", message, hint, request.id)


_ENDS = {
    "denied": ("denied", "the request was denied", "Talk to the person who denied it."),
    "expired": ("expired", "nobody approved in time", "Run the command again to file a new request."),
    "withdrawn": ("withdrawn", "the request was withdrawn", "Run the command again to file a new request."),
}


def _not_granted(command: Command, decision: Decision, approval: Approval) -> Refusal:
    code, message, hint = _ENDS.get(approval.state, ("denied", f"the request ended as {approval.state}", ""))
    by = f" by {', '.join(approval.by)}" if approval.by else ""
    comment = f": {approval.comment}" if approval.comment else ""
    return Refusal(command, decision, code, f"{message}{by}{comment}", hint, approval.id)
