"""What would change under other rules, added up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from twisted_hoop.model import Effect
from twisted_hoop.rehearsal.judging import Judgement
from twisted_hoop.rehearsal.recorded import Recorded


@dataclass(slots=True)
class Change:
    """Commands that are decided in another way, for one reason: how many, of how many people, and some of them."""

    was: Effect
    now: Effect
    target: str
    old_rule: str
    new_rule: str
    reason: str
    count: int = 0
    people: set[str] = field(default_factory=set)
    examples: dict[str, Recorded] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """`denied`, `reviewed` or `allowed`: what is new."""
        return {Effect.DENY: "denied", Effect.REVIEW: "reviewed", Effect.ALLOW: "allowed"}[self.now]


class Tally:
    """What would change, added up. `keep` is how many different examples of each change are kept."""

    def __init__(self, keep: int = 3) -> None:
        self._keep = keep
        self._changes: dict[tuple[Any, ...], Change] = {}
        self.sessions = self.judged = self.same = 0
        self.unread: Counter[str] = Counter()
        """Sessions that could not be read, by why."""
        self.unjudged: Counter[str] = Counter()
        """Commands that were not judged, by protocol and action."""

    def add(self, recorded: Recorded, was: Judgement | None, now: Judgement | None) -> None:
        """One command, and what the two sides say to it."""
        if was is None or now is None:
            self.unjudged[f"{recorded.protocol} {recorded.action}"] += 1
            return
        self.judged += 1
        if was.effect is now.effect:
            self.same += 1
            return
        key = (was.effect, now.effect, recorded.target, was.rule, now.rule)
        change = self._changes.get(key)
        if change is None:
            change = self._changes[key] = Change(*key, now.reason)
        change.count += 1
        change.people.add(recorded.principal.key)
        if len(change.examples) < self._keep:
            change.examples.setdefault(recorded.text, recorded)

    def changes(self) -> list[Change]:
        """What is new: denials first, then reviews, then what is let through; the most frequent first."""
        order = {Effect.DENY: 0, Effect.REVIEW: 1, Effect.ALLOW: 2}
        return sorted(self._changes.values(), key=lambda each: (order[each.now], -each.count, each.target))

    def counts(self) -> dict[str, int]:
        """Commands newly `denied`, `reviewed` and `allowed`."""
        found = Counter({"denied": 0, "reviewed": 0, "allowed": 0})
        for change in self._changes.values():
            found[change.kind] += change.count
        return dict(found)
