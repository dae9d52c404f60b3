"""What is recorded and told of a command: the words of entries and of refusals, pure."""

from __future__ import annotations

from twisted_hoop.model import Admission, Command, Decision, Refusal


def detail_of(refusal: Refusal) -> str:
    """The DETAIL field a client gets with a refusal."""
    approval = f" Request: {refusal.approval_id}." if refusal.approval_id else ""
    reason = f" Reason: {refusal.decision.reason}." if refusal.decision.reason not in ("", refusal.message) else ""
    rule = f"Rule: {refusal.decision.rule}." if refusal.decision.rule else "No rule matched."
    return f"{rule}{reason}{approval}"


def command_entry(number: int, command: Command, decision: Decision, verdict: Admission) -> dict[str, object]:
    """The data of a "command" entry: what is about to be sent."""
    entry: dict[str, object] = {
        "command": number,
        "action": command.action,
        "text": command.text,
        "decision": decision.effect._value_,  # `value` is a descriptor that is written in Python
        "rule": decision.rule,
        "policy": decision.policy_version,
    }
    if tables := tables_of(command):
        entry["tables"] = tables
    if command.parameters:
        entry["parameters"] = command.parameters
    if verdict.approval is not None:
        entry["approval"] = {"id": verdict.approval.id, "by": verdict.approval.by}
    if command.reason:
        entry["reason"] = command.reason
    return entry


def tables_of(command: Command) -> list[str]:
    """The tables it touches, by their full names, as search finds them."""
    if len(command.facts) == 1:  # as nearly every command has
        return sorted(command.facts[0].get("table", ()))
    return sorted({table for facts in command.facts for table in facts.get("table", ())})


def refused_entry(number: int, refusal: Refusal) -> dict[str, object]:
    """The data of a "refused" entry."""
    command, decision = refusal.command, refusal.decision
    return {
        "command": number,
        "action": command.action,
        "text": command.text,
        "parameters": command.parameters,
        "tables": tables_of(command),
        "decision": "deny",
        "code": refusal.code,
        "rule": decision.rule,
        "reason": refusal.message,
        "approval": {"id": refusal.approval_id} if refusal.approval_id else None,
        "policy": decision.policy_version,
    }
