"""What is recorded of a request: the shapes of its entries (docs/recording-format.md). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from twisted_hoop.model import Approval, Command, Decision, Entry, Refusal


def command_entry(
    number: int,
    command: Command,
    decision: Decision,
    approval: Approval | None,
    upgrade: bool = False,
    *,
    restored: int = 0,
    before: int = 0,
) -> Entry:
    """A request that is about to be sent. One for an upgrade has a channel of its number, as what passes has then.

    `restored` values were put in the place of masked ones; `before` is the number of the request it was made for.
    """
    entry = _about(number, command, decision)
    if upgrade:
        entry["channel"] = number
    entry["decision"] = decision.effect.value
    if approval is not None:
        entry["approval"] = {"id": approval.id, "by": approval.by}
    if command.context:
        entry["context"] = dict(command.context)
    if command.reason:
        entry["reason"] = command.reason
    if restored:
        entry["restored"] = restored
    if before:
        entry["for"] = before
    return Entry("command", entry)


def refused_entry(number: int, refusal: Refusal) -> Entry:
    """One that is not."""
    entry = _about(number, refusal.command, refusal.decision)
    entry |= {"decision": "deny", "code": refusal.code, "reason": refusal.message}
    entry["approval"] = {"id": refusal.approval_id} if refusal.approval_id else None
    return Entry("refused", entry)


def notice_entry(number: int, text: str, **more: object) -> Entry:
    """Something that happened on the way."""
    return Entry("notice", {"command": number, "text": text, **more})


def outcome_entry(number: int, status: int, size: int, masked: int, error: str = "") -> Entry:
    """What it came to: the status told to the client, bytes of the body, values replaced in it."""
    entry: dict[str, object] = {"command": number, "status": status, "bytes": size, "masked": masked}
    if error:
        entry["error"] = error
    return Entry("outcome", entry)


def tunnel_entry(number: int, told: Mapping[str, object], error: str = "") -> Entry:
    """What an upgraded connection came to; `told` is its tunnel's word."""
    entry: dict[str, object] = {"command": number, **told}
    return Entry("outcome", entry | {"error": error} if error else entry)


def _about(number: int, command: Command, decision: Decision) -> dict[str, object]:
    return {
        "command": number,
        "action": command.action,
        "text": command.text,
        "rule": decision.rule,
        "policy": decision.policy_version,
    }
