"""Several statements, one decision: the strictest wins, and what the others ask for is not lost (P9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from twisted_hoop.model import Decision, Effect

STRICTNESS = {Effect.ALLOW: 0, Effect.REVIEW: 1, Effect.DENY: 2}
_CLASH = "its statements need the approval of different people: split them into several commands"


def combine(decisions: Sequence[Decision]) -> Decision:
    """One decision for a command whose statements were decided one by one; at least one is given.

    A denial wins as it is. Reviews are joined: as many people as the one that asks for most, as short and as rarely
    usable as the one that permits least. Masks are united.
    """
    first = decisions[0]
    if all(decision is first for decision in decisions):
        return first
    effect = max((d.effect for d in decisions), key=STRICTNESS.__getitem__)
    strictest = [d for d in decisions if d.effect is effect]
    if effect is Effect.DENY:  # a rule says more than that none matches
        return next((d for d in strictest if d.rule), strictest[0])
    return joined(strictest, frozenset().union(*(d.masks for d in decisions)), _CLASH)


def joined(decisions: list[Decision], masks: frozenset[str], clash: str) -> Decision:
    """One for several of one effect, none a denial; a denial for the reason `clash` where their approvers differ."""
    first = decisions[0]
    rules = ", ".join(dict.fromkeys(d.rule for d in decisions))
    if any(d.approvers != first.approvers for d in decisions):
        return Decision(
            Effect.DENY,
            rules,
            clash,
            policy_version=first.policy_version,
        )
    return replace(
        first,
        rule=rules,
        reason="; ".join(dict.fromkeys(d.reason for d in decisions if d.reason)),
        masks=masks,
        quorum=max(d.quorum for d in decisions),
        wait=min(d.wait for d in decisions),
        valid=min(d.valid for d in decisions),
        uses=min(d.uses for d in decisions),
        content=any(d.content for d in decisions),
        rows=max(d.rows for d in decisions),
    )
