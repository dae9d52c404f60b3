"""The who-part of rules and masks: does it concern this principal and this target? Decided once a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from twisted_hoop.model import Principal, Target
from twisted_hoop.policy.patterns import Patterns
from twisted_hoop.settings import MaskSection, RuleSection

WhoTest = Callable[[Principal, Target], bool]


@dataclass(frozen=True, slots=True)
class WhoCheck:
    """One selector: `label` is its key in the configuration, `holds` whether it is met."""

    label: str
    holds: WhoTest


def who_checks(rule: RuleSection, issuer_names: Mapping[str, str]) -> tuple[WhoCheck, ...]:
    """The selectors of a rule; all must hold. `issuer_names` maps `iss` to the short name of an issuer."""
    odd = rule.effect != "allow"
    checks = [*_principal_checks(rule, issuer_names, odd), *_delegation_checks(rule, odd), *_target_checks(rule, odd)]
    return tuple(WhoCheck(label, holds) for label, holds in checks)


def mask_checks(mask: MaskSection) -> tuple[WhoCheck, ...]:
    """The selectors of a mask; all must hold for it to apply by default."""
    checks: list[tuple[str, WhoTest]] = []
    if mask.targets:
        checks.append(("targets", _on_target(Patterns(mask.targets, odd=True))))
    if mask.groups:
        checks.append(("groups", _in_groups(Patterns(mask.groups, odd=True))))
    if mask.except_groups:
        checks.append(("except_groups", _not(_in_groups(Patterns(mask.except_groups, odd=False)))))
    return tuple(WhoCheck(label, holds) for label, holds in checks)


def _principal_checks(rule: RuleSection, issuer_names: Mapping[str, str], odd: bool) -> Iterator[tuple[str, WhoTest]]:
    if rule.kind:
        yield "kind", _of_kind(rule.kind)
    if rule.issuers:
        yield "issuers", _from_issuer(Patterns(rule.issuers, odd), issuer_names)
    if rule.subjects:
        yield "subjects", _is_subject(Patterns(rule.subjects, odd))
    if rule.groups:
        yield "groups", _in_groups(Patterns(rule.groups, odd))
    if rule.except_groups:
        # A group that cannot be read must not loosen: it excepts from an allow rule, not from a deny rule.
        yield "except_groups", _not(_in_groups(Patterns(rule.except_groups, not odd)))


def _delegation_checks(rule: RuleSection, odd: bool) -> Iterator[tuple[str, WhoTest]]:
    if rule.actors:
        yield "actors", _has_actor(Patterns(rule.actors, odd))
    if rule.delegated_by:
        yield "delegated_by", _delegated(_is_subject(Patterns(rule.delegated_by, odd)))


def _target_checks(rule: RuleSection, odd: bool) -> Iterator[tuple[str, WhoTest]]:
    if rule.protocols:
        protocols = Patterns(rule.protocols, odd)
        yield "protocols", lambda _, target: protocols.matches(target.protocol)
    if rule.targets:
        yield "targets", _on_target(Patterns(rule.targets, odd))
    for label, pattern in rule.labels.items():
        yield f"labels.{label}", _labelled(label, Patterns([pattern], odd))


def _not(test: WhoTest) -> WhoTest:
    return lambda principal, target: not test(principal, target)


def _of_kind(kind: str) -> WhoTest:
    return lambda principal, _: principal.kind.value == kind


def _from_issuer(issuers: Patterns, names: Mapping[str, str]) -> WhoTest:
    def holds(principal: Principal, _: Target) -> bool:
        short = names.get(principal.issuer, "")
        return issuers.matches(principal.issuer) or bool(short and issuers.matches(short))

    return holds


def _is_subject(subjects: Patterns) -> WhoTest:
    return lambda principal, _: subjects.matches(principal.subject)


def _in_groups(groups: Patterns) -> WhoTest:
    return lambda principal, _: groups.any_of(principal.groups)


def _has_actor(actors: Patterns) -> WhoTest:
    return lambda principal, _: actors.any_of(actor.subject for actor in principal.chain)


def _delegated(test: WhoTest) -> WhoTest:
    return lambda principal, target: bool(principal.chain) and test(principal, target)


def _on_target(targets: Patterns) -> WhoTest:
    return lambda _, target: targets.matches(target.name)


def _labelled(label: str, pattern: Patterns) -> WhoTest:
    def holds(_: Principal, target: Target) -> bool:
        labels = target.options.get("labels")
        value = labels.get(label) if isinstance(labels, Mapping) else None
        return isinstance(value, str) and pattern.matches(value)

    return holds
