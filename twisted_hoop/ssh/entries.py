"""What is recorded of a channel: the shapes of its entries (docs/recording-format.md). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from twisted_hoop.model import Admission, Command, Decision, Entry, Refusal


def command_entry(channel: int, number: int, admission: Admission, more: Mapping[str, object]) -> Entry:
    """What is about to happen. `more` is the terminal, the environment and the like."""
    command, decision = admission.command, admission.decision
    entry: dict[str, object] = {**_about(channel, number, command, decision), **more}
    entry["decision"] = decision.effect.value
    if admission.approval is not None:
        entry["approval"] = {"id": admission.approval.id, "by": admission.approval.by}
    if command.reason:
        entry["reason"] = command.reason
    return Entry("command", entry)


def refused_entry(channel: int, number: int, refusal: Refusal) -> Entry:
    """What did not happen."""
    entry = _about(channel, number, refusal.command, refusal.decision)
    entry |= {"decision": "deny", "code": refusal.code, "reason": refusal.message}
    entry["approval"] = {"id": refusal.approval_id} if refusal.approval_id else None
    return Entry("refused", entry)


def notice_entry(channel: int, text: str, **more: object) -> Entry:
    """Something that happened on the way."""
    return Entry("notice", {"channel": channel, "text": text, **more})


def outcome_entry(channel: int, number: int, **more: object) -> Entry:
    """How it ended."""
    return Entry("outcome", {"channel": channel, "command": number, **more})


def _about(channel: int, number: int, command: Command, decision: Decision) -> dict[str, object]:
    return {
        "channel": channel,
        "command": number,
        "action": command.action,
        "text": command.text,
        "rule": decision.rule,
        "policy": decision.policy_version,
    }
