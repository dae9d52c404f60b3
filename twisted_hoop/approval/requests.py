"""One request for approval as the store keeps it and people read it: a value, made from what the gate asks."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from twisted_hoop.approval.ballots import Vote
from twisted_hoop.approval.digest import digest_of
from twisted_hoop.approval.lifecycle import State, effective
from twisted_hoop.approval.shown import MAX_SHOWN
from twisted_hoop.errors import LimitExceeded
from twisted_hoop.model import Command, Decision, Session
from twisted_hoop.store.codec import principal_data, text_bytes

ACCESS = "access"
"""The action of a request for a target."""


@dataclass(frozen=True, slots=True)
class Caps:
    """Bounds on what one principal may ask of people (A7). Counts, seconds, bytes.

    `unattended` is how long a request waits for people when nothing waits for it (rules with wait = 0).
    """

    pending: int = 20
    hourly: int = 60
    unattended: float = 3600.0
    shown: int = MAX_SHOWN


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `principal` is its JSON form; times are POSIX; `until` is 0 until granted. `detached`: wait was 0.

    `facts` is what it touches, statement by statement. `action` "access" is a request for a target, not for a command.
    """

    id: str
    session_id: str
    principal_key: str
    principal: Mapping[str, Any]
    target: str
    action: str
    text: str
    parameters: tuple[str | None, ...]
    context: tuple[tuple[str, str], ...]
    attributes: Mapping[str, str]
    tables: tuple[str, ...]
    classes: tuple[str, ...]
    facts: tuple[Mapping[str, tuple[str, ...]], ...]
    reason: str
    rule: str
    rule_reason: str
    policy_version: str
    digest: str
    approvers: frozenset[str]
    quorum: int
    valid: float
    uses: int
    uses_left: int
    detached: bool
    created: float
    deadline: float
    until: float = 0.0
    state: State = State.PENDING
    votes: tuple[Vote, ...] = ()

    @property
    def for_access(self) -> bool:
        """Whether a target is asked for, for `valid` seconds, and not a command."""
        return self.action == ACCESS

    @property
    def requesters(self) -> frozenset[str]:
        """Keys of everybody behind the request (A1)."""
        chain = (f"{actor['issuer']}|{actor['subject']}" for actor in self.principal["chain"])
        return frozenset((self.principal_key, *chain))

    def at(self, now: float) -> Request:
        """The same, with the state that time alone has given it by `now`."""
        return replace(self, state=effective(self.state, self.deadline, self.until, now))


def make_request(session: Session, command: Command, decision: Decision, now: float, caps: Caps) -> Request:
    """What is filed, or LimitExceeded when it is more than a person can be shown whole (A3)."""
    _refuse_oversize(command, caps.shown)
    detached = decision.wait <= 0
    return Request(
        id=secrets.token_hex(10),
        session_id=session.id,
        principal_key=session.principal.key,
        principal=principal_data(session.principal),
        target=session.target.name,
        action=command.action,
        text=command.text,
        parameters=command.parameters,
        context=command.context,
        attributes=dict(session.attributes),
        tables=_touched(command, "table"),
        classes=_touched(command, "class"),
        facts=tuple({name: tuple(sorted(values)) for name, values in fact.items()} for fact in command.facts),
        reason=command.reason,
        rule=decision.rule,
        rule_reason=decision.reason,
        policy_version=decision.policy_version,
        digest=digest_of(session, command, decision),
        approvers=decision.approvers,
        quorum=max(1, decision.quorum),
        valid=decision.valid,
        uses=max(1, decision.uses),
        uses_left=0,
        detached=detached,
        created=now,
        deadline=now + (caps.unattended if detached else decision.wait),
    )


def _refuse_oversize(command: Command, limit: int) -> None:
    context = (part for pair in command.context for part in pair)
    parts = (command.text, command.reason, *(value or "" for value in command.parameters), *context)
    if sum(len(text_bytes(part)) for part in parts) > limit:
        raise LimitExceeded(f"too long to be shown to an approver (more than {limit} bytes)", code="54000")


def _touched(command: Command, attribute: str) -> tuple[str, ...]:
    return tuple(sorted({value for fact in command.facts for value in fact.get(attribute, ())}))
