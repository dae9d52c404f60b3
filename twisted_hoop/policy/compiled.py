"""One rule, ready to be asked: its selectors compiled, and the decision it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from twisted_hoop.model import Decision, Effect, Facts, Principal, Target
from twisted_hoop.policy.what import WhatCheck, what_checks
from twisted_hoop.policy.who import WhoCheck, who_checks
from twisted_hoop.policy.windows import Window
from twisted_hoop.settings import RuleSection


@dataclass(frozen=True, slots=True)
class Rule:
    """A compiled rule. `position` counts from 1 as in the file; `window` is None when it is always in force."""

    position: int
    name: str
    decision: Decision
    who: tuple[WhoCheck, ...]
    what: tuple[WhatCheck, ...]
    window: Window | None
    let_in_by: str = ""

    def concerns(self, principal: Principal, target: Target) -> bool:
        """Whether the who-part holds."""
        if self.let_in_by and self.let_in_by != way_in(principal, target):
            return False
        return all(check.holds(principal, target) for check in self.who)

    def is_open(self, now: float) -> bool:
        """Whether the rule is in force at that time."""
        return self.window is None or self.window.is_open(now)

    def matches(self, facts: Facts) -> bool:
        """Whether the what-part holds for prepared facts."""
        for check in self.what:  # noqa: SIM110 - a plain loop costs half of `all`, and this is the hot one
            if not check.holds(facts):
                return False
        return True

    def miss(self, principal: Principal, target: Target, now: float, facts: Facts) -> str:
        """The key of the first selector that does not hold, "" when the rule matches; for explanations."""
        if self.let_in_by and self.let_in_by != way_in(principal, target):
            return "let_in_by"
        for who in self.who:
            if not who.holds(principal, target):
                return who.label
        if not self.is_open(now):
            return "hours"
        return next((what.label for what in self.what if not what.holds(facts)), "")


def way_in(principal: Principal, target: Target) -> str:
    """How a principal with a session got in: "group" when the target is open to it anyway, else "request"."""
    return "group" if "*" in target.groups or not target.groups.isdisjoint(principal.groups) else "request"


def compile_rule(position: int, rule: RuleSection, issuer_names: Mapping[str, str], version: str) -> Rule:
    """Compile one rule. Raises ValueError for what cannot be compiled: a rule is never skipped (C5)."""
    windowed = rule.hours or rule.days
    return Rule(
        position=position,
        name=rule.name,
        decision=_decision(rule, version),
        who=who_checks(rule, issuer_names),
        what=what_checks(rule),
        window=Window(rule.hours, rule.days, rule.timezone) if windowed else None,
        let_in_by=rule.let_in_by,
    )


def _decision(rule: RuleSection, version: str) -> Decision:
    return Decision(
        effect=Effect(rule.effect),
        rule=rule.name,
        reason=rule.reason or _REASONS[rule.effect].format(rule.name),
        masks=frozenset(rule.masks),
        approvers=frozenset(rule.approvers),
        quorum=rule.approvals,
        wait=rule.wait,
        valid=rule.valid,
        uses=rule.uses,
        policy_version=version,
        content=rule.record_content,
        rows=rule.record_rows,
    )


_REASONS = {
    "allow": "",
    "deny": "rule {!r} forbids it",
    "review": "rule {!r} asks for approval",
}
