"""Between rows of the store and values. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row

from twisted_hoop.approval.ballots import Vote
from twisted_hoop.approval.lifecycle import State, effective
from twisted_hoop.approval.requests import Request
from twisted_hoop.store.codec import bytes_text, dumps, text_bytes

_SAME = (
    "id", "session_id", "principal_key", "target", "action", "rule", "rule_reason", "policy_version", "digest",
    "quorum", "valid", "uses", "uses_left", "detached", "created", "deadline", "until",
)  # fmt: skip
_DETAILS = ("parameters", "context", "attributes", "tables", "classes", "facts", "reason")


def values_of(request: Request) -> dict[str, Any]:
    """The columns of a request."""
    return {name: getattr(request, name) for name in _SAME} | {
        "principal_json": dumps(request.principal),
        "details_json": dumps({name: getattr(request, name) for name in _DETAILS}),
        "text": text_bytes(request.text),
        "state": request.state.value,
        "changed": request.created,
    }


def request_of(row: Row[Any], groups: Iterable[str], cast: Iterable[Vote], now: float) -> Request:
    """The request behind a row, with the state it has at `now`."""
    details = json.loads(row.details_json)
    return Request(
        **{name: row._mapping[name] for name in _SAME},
        principal=json.loads(row.principal_json),
        text=bytes_text(row.text),
        parameters=tuple(details["parameters"]),
        context=tuple((name, value) for name, value in details["context"]),
        attributes=details["attributes"],
        tables=tuple(details["tables"]),
        classes=tuple(details["classes"]),
        # Rows of the first release have none.
        facts=tuple({k: tuple(v) for k, v in fact.items()} for fact in details.get("facts", ())),
        reason=details["reason"],
        approvers=frozenset(groups),
        state=effective(State(row.state), row.deadline, row.until, now),
        votes=tuple(cast),
    )


def vote_values(approval_id: str, vote: Vote) -> dict[str, Any]:
    """The columns of a vote."""
    return {
        "approval_id": approval_id,
        "voter_key": vote.key,
        "voter_name": vote.name,
        "granted": vote.granted,
        "comment_json": dumps(vote.comment),
        "at": vote.at,
    }


def vote_of(row: Row[Any]) -> Vote:
    """The vote behind a row."""
    return Vote(row.voter_key, row.voter_name, row.granted, json.loads(row.comment_json), row.at)
