"""What the rules would say to a command nobody sends: for `hoop policy`, the API's and the console's "may I?".

Nothing is run, filed or recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted_hoop.model import Decision, Effect, Facts, Peer, Principal, Session, Target
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.rehearsal.reading import command_of


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`opening` says whether the target opens at all, `decision` (with its trace) what the rules say to the command,
    `masks` names those that would apply, `facts` what the command was understood to do."""

    opening: Decision
    decision: Decision
    masks: frozenset[str]
    facts: tuple[Facts, ...]

    @property
    def effect(self) -> Effect:
        """What would happen: a target that does not open denies everything."""
        return self.decision.effect if self.opening.effect is Effect.ALLOW else Effect.DENY

    def told(self, version: str) -> dict[str, Any]:
        """Ready for JSON, as the API (`web.shapes.Explanation`) and the command line show it; by that policy."""
        decision = self.decision
        return {
            "opens": self.opening.effect.value,
            "opens_reason": self.opening.reason,
            "effect": self.effect.value,
            "rule": decision.rule,
            "reason": decision.reason,
            "approvers": sorted(decision.approvers),
            "approvals": decision.quorum if decision.approvers else 0,
            "masks": sorted(self.masks),
            "facts": [{name: sorted(values) for name, values in facts.items()} for facts in self.facts],
            "trace": list(decision.trace),
            "policy": version,
        }


def rehearse(rules: RulePolicy, principal: Principal, target: Target, text: str) -> Rehearsal:
    """The whole answer. Raises ValueError when the target's protocol has no commands of text."""
    session = Session("rehearsal", principal, target, Peer("127.0.0.1"), 0.0)
    command = command_of(target.protocol, text)
    decision = rules.explain(session, command)
    masks = decision.masks | {mask.name for mask in rules.masks_for(principal, target)}
    facts = tuple({name: frozenset(map(_shown, values)) for name, values in each.items()} for each in command.facts)
    return Rehearsal(rules.authorize(principal, target), decision, masks, facts)


def _shown(value: str) -> str:
    """Facts of shells may hold bytes that are no Unicode, which JSON cannot carry (S19)."""
    return value.encode("utf-8", "backslashreplace").decode()
