"""What the gateway itself tells a client on a channel: refusals, waiting, endings. Pure."""

from __future__ import annotations

import json

from twisted_hoop.model import ApprovalRequest, Decision, Refusal
from twisted_hoop.recording.escapes import visible
from twisted_hoop.ssh.events import STDERR, Close, Data, Eof, Event
from twisted_hoop.ssh.requests import exit_status

REFUSED = 126
"""Exit status of a command that may not run; a shell says so of a file that may not be executed."""
GIVEN_UP = 130
"""Exit status of a command whose client gave up waiting; a shell says so of Ctrl-C."""
UNREACHABLE = 255
"""Exit status when the target cannot be had, or is lost; ssh itself says so."""


def refusal_text(refusal: Refusal) -> str:
    """`hoop: refused by rule NAME: REASON`, and the next step on a line of its own."""
    rule = refusal.decision.rule
    by = f" by rule {rule}" if rule and refusal.code in ("denied", "pending") else ""
    lines = [f"hoop: refused{by}: {refusal.message}", refusal.hint]
    return "\n".join(visible(line) for line in lines if line)


def refusal_json(refusal: Refusal, session: str) -> str:
    """The same for programs: one line of JSON."""
    return json.dumps(
        {
            "error": refusal.code,
            "rule": refusal.decision.rule,
            "reason": refusal.message,
            "hint": refusal.hint,
            "approval": refusal.approval_id,
            "session": session,
        }
    )


def waiting_text(request: ApprovalRequest, decision: Decision) -> str:
    """For whom a command waits, and where they can look at it."""
    reason = f" ({decision.reason})" if decision.reason else ""
    return visible(f"hoop: waiting for approval by {', '.join(sorted(decision.approvers))}{reason}: {request.url}")


def said(text: str, raw: bool) -> Data:
    """Text on stderr. `raw`: the client's terminal is, so that a line ends with a carriage return as well."""
    lines = f"{text}\n"
    return Data(STDERR, (lines.replace("\n", "\r\n") if raw else lines).encode("utf-8", "backslashreplace"))


def farewell(status: int) -> list[Event]:
    """The end of a channel that the gateway answers itself."""
    return [exit_status(status), Eof(), Close()]
