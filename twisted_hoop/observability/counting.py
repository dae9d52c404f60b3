"""Counting what happens for every command: plain numbers, which `metrics.py` reads when it is asked. Compiled."""

from __future__ import annotations

from typing import Final

from twisted_hoop.model import Decision

DECISION_BUCKETS: Final = (0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05)
"""Upper bounds of the decision histogram, in seconds: a cached decision takes microseconds."""


class Decisions:
    """How many commands were decided how, and in what time. `counts` is by target and effect, `buckets` has one more.

    `masked` values and `row_bytes` of answers are by target. A Meter of bridges, see `bridge.py`.
    """

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, int]] = {}
        self.buckets: list[int] = [0] * (len(DECISION_BUCKETS) + 1)
        self.total = 0.0
        self.masked: dict[str, int] = {}
        self.row_bytes: dict[str, int] = {}

    def decided(self, target: str, decision: Decision, seconds: float) -> None:
        """One command was judged; `seconds` is the time that took."""
        effect: str = decision.effect._value_
        of_target = self.counts.get(target)
        if of_target is None:
            of_target = self.counts[target] = {}
        of_target[effect] = of_target.get(effect, 0) + 1
        self.total += seconds
        place = 0
        for bound in DECISION_BUCKETS:
            if seconds <= bound:
                break
            place += 1
        self.buckets[place] += 1

    def answered(self, target: str, masked: int, size: int) -> None:
        """A command was answered with so many bytes of rows, in which so many values were masked."""
        self.masked[target] = self.masked.get(target, 0) + masked
        self.row_bytes[target] = self.row_bytes.get(target, 0) + size
