"""What masks on the way in (`direction = "request"`) ask for when they found something: a refusal, or people."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from twisted_hoop.model import Decision, Effect
from twisted_hoop.policy.verdicts import combine
from twisted_hoop.settings import MaskSection

FOUND = "found"
"""The attribute of facts with the names of masks that found something and did not rewrite it."""


def with_findings(
    decision: Decision, found: Iterable[str], mask_named: Callable[[str], MaskSection], version: str
) -> Decision:
    """The rules' decision made stricter by the masks that found something; a mask that is gone (R13) refuses."""
    asked = [_asked(name, mask_named, version) for name in sorted(found)]
    return combine([decision, *asked]) if decision.effect is not Effect.DENY else decision


def _asked(name: str, mask_named: Callable[[str], MaskSection], version: str) -> Decision:
    try:
        return _decision(mask_named(name), version)
    except KeyError:
        reason = f"mask {name} found values on their way in, and is no longer configured"
        return Decision(Effect.DENY, f"mask: {name}", reason, policy_version=version)


def _decision(mask: MaskSection, version: str) -> Decision:
    effect = Effect.REVIEW if mask.action == "review" else Effect.DENY
    reason = f"mask {mask.name} found values on their way in that may not go there"
    if mask.action == "mask":
        reason += "; constants cannot be masked in the text, send them as parameters"
    return Decision(effect, f"mask: {mask.name}", reason, approvers=frozenset(mask.approvers), policy_version=version)
