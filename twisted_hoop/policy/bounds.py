"""Several principals, one decision: who acts for somebody does what both may do, and no more.

The rules are asked for the principal and for each whose rights bound its (`Principal.within`); the strictest answer
counts, and what the others ask for is not lost. Against the confused deputy, and against a token from which somebody
left out the very group a prohibition names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from twisted_hoop.model import Decision, Effect, Principal, Target
from twisted_hoop.policy.verdicts import STRICTNESS, joined

_CLASH = "{} need the approval of different people for this"


def outside(principal: Principal, target: Target) -> str:
    """Why a token that names its targets does not open this one, or ""."""
    if principal.targets is None or target.name in principal.targets:
        return ""
    return f"the token of {principal.label} is not for target {target.name}"


def everyone(principal: Principal) -> tuple[Principal, ...]:
    """Whose rights count: its own first."""
    return (principal, *principal.within)


def strictest(who: Sequence[Principal], decisions: Sequence[Decision]) -> Decision:
    """One decision out of one for each of `who`, in their order; at least one is given."""
    first = decisions[0]
    if all(decision is first for decision in decisions):
        return first
    effect = max((decision.effect for decision in decisions), key=STRICTNESS.__getitem__)
    if effect is Effect.DENY:
        return _refused(who, decisions)
    found = [decision for decision in decisions if decision.effect is effect]
    masks = frozenset().union(*(decision.masks for decision in decisions))
    together = joined(found, masks, _CLASH.format(" and ".join(named(each) for each in who)))
    if together.effect is Effect.DENY:
        return together
    content, rows = any(d.content for d in decisions), max(d.rows for d in decisions)
    return replace(together, content=content, rows=rows)


def named(principal: Principal) -> str:
    """What a person reads: `alice via agent-7`; for the agent's own rights, `agent-7`."""
    return principal.label


def _refused(who: Sequence[Principal], decisions: Sequence[Decision]) -> Decision:
    """The first refusal, which says whose rights it is about; a rule says more than that none matches."""
    found = [(each, d) for each, d in zip(who, decisions, strict=True) if d.effect is Effect.DENY]
    each, decision = next(((each, d) for each, d in found if d.rule), found[0])
    return replace(decision, reason=f"{decision.reason} (for {named(each)})", masks=frozenset())
