"""Our own ordered rules: IPolicy over the `[[rules]]` of the configuration.

The first rule that matches a statement decides it, no rule means deny, and the strictest statement decides the command
(P9). Compiled once; a reload makes a new one, so that every decision comes from one whole set of rules (R13).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from zope.interface import classImplements

from twisted_hoop.interfaces import IPolicy
from twisted_hoop.model import Command, Decision, Effect, Facts, Principal, Session, Target
from twisted_hoop.policy.bounds import everyone, named, outside, strictest
from twisted_hoop.policy.compiled import Rule, compile_rule, way_in
from twisted_hoop.policy.findings import FOUND, with_findings
from twisted_hoop.policy.reasons import no_rule
from twisted_hoop.policy.verdicts import combine
from twisted_hoop.policy.version import version_of
from twisted_hoop.policy.what import prepared
from twisted_hoop.policy.who import mask_checks
from twisted_hoop.settings import MaskSection, Settings

_VIEWS = 1024
_DECISIONS = 8192
_SEEN = 2048

Access = Callable[[Principal, str, float], str]

_NONE: frozenset[int] = frozenset()
_NOBODY: frozenset[str] = frozenset()
_DecisionKey = tuple[int, frozenset[int], frozenset[tuple[str, frozenset[str]]]]


class _Seen:
    """What was decided last for one object of facts, which is held so that its identity stays its own."""

    __slots__ = ("decision", "facts", "shut", "view")

    def __init__(self, facts: Facts, view: _View, shut: frozenset[int], decision: Decision) -> None:
        self.facts = facts
        self.view = view
        self.shut = shut
        self.decision = decision


@dataclass(frozen=True, slots=True)
class _View:
    """The rules that concern one principal on one target, whom it holds so that their identities stay theirs."""

    number: int
    principal: Principal
    target: Target
    rules: tuple[Rule, ...]
    timed: bool


class RulePolicy:
    """The rules of one configuration. Raises ValueError when one cannot be compiled.

    `now` gives POSIX time, for rules with hours or days: they are looked at again in every decision. `access` knows
    the requests for access that were granted and hold: (principal, target's name, now) → id, or "".
    """

    def __init__(
        self, settings: Settings, now: Callable[[], float] = time.time, access: Access = lambda who, target, now: ""
    ) -> None:
        self.version = version_of(settings)
        self._now = now
        self._access = access
        self._askable = {each.name: frozenset(each.request_groups) for each in settings.targets if each.request_groups}
        issuers = {issuer.issuer: issuer.name for issuer in settings.issuers}
        issuers |= {provider.entity_id: provider.name for provider in settings.saml}
        self._rules = tuple(
            compile_rule(position, rule, issuers, self.version) for position, rule in enumerate(settings.rules, 1)
        )
        self._masks = tuple((mask, mask_checks(mask)) for mask in settings.masks)
        self._views: dict[tuple[int, int], _View] = {}
        self._decisions: dict[_DecisionKey, Decision] = {}
        self._seen: dict[int, _Seen] = {}
        self._made = 0
        self._minute = (-1, frozenset[int]())

    def authorize(self, principal: Principal, target: Target) -> Decision:
        """Whether the principal may open a session: one of its groups is the target's, or the target's is `*`.

        Or its request for access was granted and holds, and it might still ask (A6: a role that was lost ends it). A
        token that names its targets opens no other, and whoever is bounded by others opens what each of them may.
        """
        if principal.targets is None and not principal.within:
            return self._opening(principal, target)
        if reason := outside(principal, target):
            return Decision(Effect.DENY, f"target {target.name}", reason, policy_version=self.version)
        who = everyone(principal)
        return strictest(who, [self._opening(each, target) for each in who])

    def _opening(self, principal: Principal, target: Target) -> Decision:
        if way_in(principal, target) == "group":
            return Decision(Effect.ALLOW, f"target {target.name}", policy_version=self.version)
        askers = self._askable.get(target.name, _NOBODY)
        if askers and ("*" in askers or not askers.isdisjoint(principal.groups)):
            grant = self._access(principal, target.name, self._now())
            if grant:
                return Decision(Effect.ALLOW, f"access request {grant}", policy_version=self.version)
        reason = f"{principal.label} has none of the groups of target {target.name}"
        return Decision(Effect.DENY, f"target {target.name}", reason, policy_version=self.version)

    def decide(self, session: Session, command: Command) -> Decision:
        """What the rules say; `trace` is empty: ask `explain` for it."""
        if not command.facts:
            return no_rule(None, self.version)
        principal = session.principal
        if principal.within:
            who = everyone(principal)
            return strictest(who, [self._decide_for(each, session.target, command) for each in who])
        return self._decide_for(principal, session.target, command)

    def _decide_for(self, principal: Principal, target: Target, command: Command) -> Decision:
        view = self._view(principal, target)
        shut = self._shut_rules() if view.timed else _NONE
        if len(command.facts) == 1:
            return self._decide_one(view, shut, command.facts[0])
        return combine([self._decide_one(view, shut, facts) for facts in command.facts])

    def explain(self, session: Session, command: Command) -> Decision:
        """The same decision with its trace: one line for every rule looked at. Slow; for people."""
        trace: list[str] = []
        for each in everyone(session.principal):
            whose = f"for {named(each)}: " if session.principal.within else ""
            for number, facts in enumerate(command.facts, 1):
                lines = self._explained(each, session.target, facts)
                trace += [f"{whose}statement {number}: {line}" for line in lines]
        if not command.facts:
            trace.append("nothing is known of the command: deny")
        return replace(self.decide(session, command), trace=tuple(trace))

    def masks_for(self, principal: Principal, target: Target) -> tuple[MaskSection, ...]:
        """The default masks that apply to this principal on this target, in the order of the file.

        Masks that a rule adds are named by `Decision.masks`: look them up with `mask_named`.
        """
        return tuple(
            mask
            for mask, checks in self._masks
            if mask.default and any(all(check.holds(each, target) for check in checks) for each in everyone(principal))
        )

    def mask_named(self, name: str) -> MaskSection:
        """The mask of that name. Raises KeyError: a mask that cannot be found must stop the command."""
        for mask, _ in self._masks:
            if mask.name == name:
                return mask
        raise KeyError(name)

    def _view(self, principal: Principal, target: Target) -> _View:
        key = (id(principal), id(target))
        view = self._views.get(key)
        if view is None:
            while len(self._views) >= _VIEWS:
                del self._views[next(iter(self._views))]
            view = self._views[key] = self._look(principal, target)
        return view

    def _look(self, principal: Principal, target: Target) -> _View:
        self._made += 1
        rules = tuple(rule for rule in self._rules if rule.concerns(principal, target))
        return _View(self._made, principal, target, rules, any(rule.window for rule in rules))

    def _shut_rules(self) -> frozenset[int]:
        """Positions of the rules that are not in force now; kept for the minute, as windows begin and end with one."""
        now = self._now()
        minute = int(now // 60)
        if self._minute[0] != minute:
            shut = frozenset(rule.position for rule in self._rules if not rule.is_open(now))
            self._minute = (minute, shut)
        return self._minute[1]

    def _decide_one(self, view: _View, shut: frozenset[int], facts: Facts) -> Decision:
        """The same object needs no hashing: facts are values, which nobody changes once they are judged."""
        seen = self._seen.get(id(facts))
        if seen is not None and seen.facts is facts and seen.view is view and seen.shut is shut:
            return seen.decision
        decision = self._decide_anew(view, shut, facts)
        if len(self._seen) >= _SEEN:
            self._seen.clear()
        self._seen[id(facts)] = _Seen(facts, view, shut, decision)
        return decision

    def _decide_anew(self, view: _View, shut: frozenset[int], facts: Facts) -> Decision:
        key = (view.number, shut, frozenset(facts.items()))
        decision = self._decisions.get(key)
        if decision is None:
            if len(self._decisions) >= _DECISIONS:  # statements come from clients: there must be an end
                self._decisions.clear()
            decision = self._decisions[key] = self._first_match(view, shut, prepared(facts))
        return decision

    def _first_match(self, view: _View, shut: frozenset[int], facts: Facts) -> Decision:
        decision = next(
            (rule.decision for rule in view.rules if rule.position not in shut and rule.matches(facts)), None
        )
        if decision is None:
            return no_rule(facts, self.version)
        found = facts.get(FOUND)
        return with_findings(decision, found, self.mask_named, self.version) if found else decision

    def _explained(self, principal: Principal, target: Target, facts: Facts) -> list[str]:
        lines: list[str] = []
        known, now = prepared(facts), self._now()
        for rule in self._rules:
            miss = rule.miss(principal, target, now, known)
            title = f"rule {rule.position} {rule.name!r}"
            if not miss:
                found = [f"mask {name!r} found values on their way in" for name in sorted(facts.get(FOUND, ()))]
                return [*lines, f"{title} matches: {rule.decision.effect.value}", *found]
            lines.append(f"{title} passed over: {miss}")
        return [*lines, "no rule matches: deny"]


classImplements(RulePolicy, IPolicy)  # a decorator would keep mypyc from making it native
