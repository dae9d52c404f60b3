"""From a request to what people are told of it. Pure. Everything in it is safe to look at (A3)."""

from __future__ import annotations

import secrets
from typing import Any

from twisted_hoop.approval.ballots import Vote
from twisted_hoop.approval.requests import Request
from twisted_hoop.approval.shown import notes, shown
from twisted_hoop.model import Notice


def notice_of(event: str, request: Request, url: str, now: float) -> Notice:
    """The notice that something happened to the request, which a person can see at `url`."""
    return Notice(secrets.token_hex(10), event, now, url, _told(request))


def _told(request: Request) -> dict[str, Any]:
    """Texts as they are shown: hidden characters written out, never cut."""
    who = request.principal
    return {
        "id": request.id,
        "state": request.state.value,
        "action": request.action,
        "target": request.target,
        "attributes": _elsewhere(request),
        "principal": {**who, "label": label_of(who)},
        "text": shown(request.text),
        "notes": list(notes(request.text)),
        "parameters": [None if value is None else shown(value) for value in request.parameters],
        "context": {name: shown(value) for name, value in request.context},
        "tables": [shown(name) for name in request.tables],
        "classes": list(request.classes),
        "reason": shown(request.reason),
        "rule": request.rule,
        "rule_reason": request.rule_reason,
        "approvers": sorted(request.approvers),
        "quorum": request.quorum,
        "valid": request.valid,
        "uses": request.uses,
        "votes": [_vote(vote) for vote in request.votes],
        "created": request.created,
        "deadline": request.deadline,
        "until": request.until,
        "digest": request.digest,
    }


def _elsewhere(request: Request) -> dict[str, str]:
    """Attributes of the session that the command's context does not tell already: the login at an SSH target."""
    said = {name for name, _ in request.context}
    return {name: shown(value) for name, value in request.attributes.items() if value and name not in said}


def _vote(vote: Vote) -> dict[str, Any]:
    return {"by": shown(vote.label), "granted": vote.granted, "comment": shown(vote.comment), "at": vote.at}


def label_of(who: Any) -> str:
    """`alice via agent-7`, safe to look at."""
    via = ", ".join(actor["subject"] for actor in who["chain"])
    name = who["name"] or who["subject"]
    return shown(f"{name} via {via}" if via else name)


def headline(notice: Notice) -> str:
    """One line: `Alice asks for approval on shop`."""
    told = notice.approval
    who, target = told["principal"]["label"], told["target"]
    asks = f"{who} asks to open {target}" if told["action"] == "access" else f"{who} asks for approval on {target}"
    by = ", ".join(vote["by"] for vote in told["votes"])
    endings = {
        "requested": asks,
        "voted": f"one of {told['quorum']} approvals for {who} on {target}",
        "granted": f"granted: {who} on {target}",
        "denied": f"denied: {who} on {target}",
    }
    line = endings.get(notice.event, f"{notice.event}: the request of {who} on {target}")
    return f"{line} (by {by})" if by else line


def lines(notice: Notice) -> list[str]:
    """What else there is to know, a line each, without the text itself.

    What the requester wrote may have several lines; the further ones begin with a bar."""
    told, who = notice.approval, notice.approval["principal"]
    facts = (
        ("who", f"{who['label']} ({shown(who['issuer'])}|{shown(who['subject'])})"),
        ("target", told["target"]),
        # Another login at the same target is another command (A3). Notices of earlier releases do not have it.
        *((f"its {name}", value) for name, value in sorted(told.get("attributes", {}).items())),
        ("reason given", told["reason"]),
        ("rule", f"{told['rule']}: {told['rule_reason']}"),
        ("touches", ", ".join(told["tables"])),
        ("does", ", ".join(told["classes"])),
        ("beware", "; ".join(told["notes"])),
        ("said", "; ".join(_said(vote) for vote in told["votes"])),
        ("approvals needed", str(told["quorum"]) if told["quorum"] > 1 else ""),
        ("holds", f"{told['uses']} times, for {told['valid']:.0f} seconds" if told["uses"] > 1 else ""),
        *((f"with {name}", value) for name, value in told["context"].items()),
        *((f"${n}", "NULL" if value is None else value) for n, value in enumerate(told["parameters"], 1)),
    )
    return [f"{name}: {_continued(value)}" for name, value in facts if value]


def _continued(value: str) -> str:
    """A value of several lines, those after the first marked as its own: it cannot write further lines of ours (A3)."""
    return value.replace("\n", "\n    | ")


def _said(vote: dict[str, Any]) -> str:
    comment = f": {vote['comment']}" if vote["comment"] else ""
    return f"{'yes' if vote['granted'] else 'no'} by {vote['by']}{comment}"
