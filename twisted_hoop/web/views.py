"""What clients are shown of requests and sessions, and what they may send. JSON-ready dictionaries."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from twisted_hoop.approval.ballots import objection
from twisted_hoop.approval.ledger import Wanted
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import Request
from twisted_hoop.approval.shown import notes, shown
from twisted_hoop.model import Principal
from twisted_hoop.store.sessions import SessionRow, SessionSearch
from twisted_hoop.web.inputs import Cursor, Input, Limit, Plain


class VoteBody(Input):
    """POST /v1/approvals/{id}/approve or /deny. `digest` is what the voter looked at; another one is refused."""

    comment: str = Field(default="", max_length=2000)
    digest: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")


class EndBody(Input):
    """POST /v1/sessions/{id}/end. `reason` is shown to the client whose session ends."""

    reason: Plain = Field(default="ended by an operator", min_length=1, max_length=500)


class ApprovalQuery(Input):
    """GET /v1/approvals. `action` "access" finds requests for targets; `scope` "all" is for auditors."""

    state: Literal["pending", "granted", "denied", "expired", "withdrawn", "used", "ended", "interrupted", "all"] = (
        "pending"
    )
    target: Plain = Field(default="", max_length=64)
    action: Plain = Field(default="", max_length=64)
    scope: Literal["mine", "all"] = "mine"
    limit: Limit = 100
    cursor: Cursor = ""

    @property
    def states(self) -> frozenset[State]:
        """The states asked for."""
        return frozenset(State) if self.state == "all" else frozenset((State(self.state),))

    @property
    def wanted(self) -> Wanted:
        """What is looked for in the store."""
        return Wanted(self.states, self.target, self.action, everything=self.scope == "all")


class SessionQuery(Input):
    """GET /v1/sessions. `who` is a part of a name or subject; `since` and `until` bound the start (POSIX)."""

    limit: Limit = 100
    cursor: Cursor = ""
    target: Plain = Field(default="", max_length=64)
    subject: Plain = ""
    who: Plain = Field(default="", max_length=200)
    protocol: Plain = Field(default="", max_length=16)
    state: Literal["live", "closed", "all"] = "all"
    since: float | None = Field(default=None, ge=0, le=1e11, allow_inf_nan=False)
    until: float | None = Field(default=None, ge=0, le=1e11, allow_inf_nan=False)

    def wanted(self, viewer: Principal | None) -> SessionSearch:
        """What is looked for in the store; what somebody may see, or (None) of everybody."""
        state = "" if self.state == "all" else self.state
        return SessionSearch(
            None, self.target, self.subject, self.who, self.protocol, state, self.since, self.until, viewer
        )


def approval_view(request: Request, viewer: Principal) -> dict[str, Any]:
    """One request, a `shapes.Approval`. `text` is exact, `shown` the same made safe to look at, whole (A3)."""
    return {
        "id": request.id,
        "state": request.state.value,
        "session": request.session_id,
        "principal": {**request.principal, "label": _label(request.principal)},
        "target": request.target,
        "attributes": dict(request.attributes),
        "action": request.action,
        "text": request.text,
        "shown": shown(request.text),
        "notes": list(notes(request.text)),
        "parameters": [None if value is None else shown(value) for value in request.parameters],
        "context": {name: shown(value) for name, value in request.context},
        "tables": [shown(name) for name in request.tables],
        "classes": list(request.classes),
        "facts": [{name: [shown(each) for each in values] for name, values in fact.items()} for fact in request.facts],
        "reason": shown(request.reason),
        **_terms(request),
        "votes": [_vote(vote) for vote in request.votes],
        "objection": objection(viewer, request.requesters, request.approvers),
    }


def _terms(request: Request) -> dict[str, Any]:
    return {
        "rule": request.rule,
        "rule_reason": request.rule_reason,
        "policy_version": request.policy_version,
        "digest": request.digest,
        "approvers": sorted(request.approvers),
        "quorum": request.quorum,
        "valid": request.valid,
        "uses": request.uses,
        "uses_left": request.uses_left,
        "created": request.created,
        "deadline": request.deadline,
        "until": request.until,
    }


def _vote(vote: Any) -> dict[str, Any]:
    return {"by": vote.key, "name": vote.name, "granted": vote.granted, "comment": shown(vote.comment), "at": vote.at}


def session_view(row: SessionRow) -> dict[str, Any]:
    """One session of the index, with the names a recording's summary has."""
    live = row.ended is None
    return {
        "id": row.id,
        "state": "live" if live else "closed",
        "outcome": "" if live else row.state,
        "started": row.started,
        "ended": row.ended,
        "seconds": None if row.ended is None else row.ended - row.started,
        "who": _label(row.principal),
        "issuer": row.principal["issuer"],
        "subject": row.principal["subject"],
        "chain": [actor["subject"] for actor in row.principal["chain"]],
        "target": row.target,
        "protocol": row.protocol,
        "peer": row.peer,
        "count": row.commands,
    }


def _label(principal: Any) -> str:
    name = principal["name"] or principal["subject"]
    via = ", ".join(actor["subject"] for actor in principal["chain"])
    return shown(f"{name} via {via}" if via else name)
