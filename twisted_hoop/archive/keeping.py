"""How long a recording is kept: the first [[retention]] that matches it, or for ever. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from twisted_hoop.archive.catalogue import Kept
from twisted_hoop.policy.patterns import Patterns
from twisted_hoop.settings import RetentionSection


@dataclass(frozen=True, slots=True)
class Rule:
    """One section, compiled. None stands for an empty list, which matches everything."""

    name: str
    keep: float
    targets: Patterns | None
    groups: Patterns | None
    protocols: Patterns | None
    tags: Patterns | None

    def matches(self, found: Kept) -> bool:
        """Whether the section is about this recording. What is not valid Unicode matches no pattern: it is kept."""
        tags = [f"{name}={value}" for name, value in found.about["attributes"].items()]
        return (
            _any(self.targets, [found.target])
            and _any(self.protocols, [found.protocol])
            and _any(self.groups, found.about["groups"])
            and _any(self.tags, tags)
        )


def _any(patterns: Patterns | None, values: Iterable[str]) -> bool:
    return patterns is None or any(map(patterns.matches, values))


def compiled(sections: Sequence[RetentionSection]) -> tuple[Rule, ...]:
    """The rules in their order."""
    return tuple(
        Rule(each.name, each.keep, *map(_patterns, (each.targets, each.groups, each.protocols, each.tags)))
        for each in sections
    )


def _patterns(given: Sequence[str]) -> Patterns | None:
    return Patterns(given) if given else None


def rule_of(rules: Sequence[Rule], found: Kept) -> Rule | None:
    """The first that matches."""
    return next((rule for rule in rules if rule.matches(found)), None)


def over(rules: Sequence[Rule], found: Kept, now: float) -> Rule | None:
    """The rule whose time for this recording is over at `now` (POSIX), or None: it is kept."""
    rule = rule_of(rules, found)
    if rule is None or rule.keep <= 0:
        return None
    ended = found.started if found.ended is None else found.ended
    return rule if ended + rule.keep <= now else None
