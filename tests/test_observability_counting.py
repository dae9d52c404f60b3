"""What is counted for every command."""

from __future__ import annotations

from bisect import bisect_left

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.model import Decision, Effect
from twisted_hoop.observability.counting import DECISION_BUCKETS, Decisions

durations = st.floats(0, 1) | st.sampled_from(DECISION_BUCKETS)


@given(st.lists(st.tuples(st.sampled_from(["shop", "bank"]), st.sampled_from(Effect), durations)))
def test_every_decision_is_counted_once_in_its_place(made: list[tuple[str, Effect, float]]) -> None:
    decisions = Decisions()
    buckets = [0] * (len(DECISION_BUCKETS) + 1)
    for target, effect, seconds in made:
        decisions.decided(target, Decision(effect, "any"), seconds)
        buckets[bisect_left(DECISION_BUCKETS, seconds)] += 1
    assert decisions.buckets == buckets
    assert abs(decisions.total - sum(seconds for _, _, seconds in made)) < 1e-9
    for target in ("shop", "bank"):
        for effect in Effect:
            expected = sum((t, e) == (target, effect) for t, e, _ in made)
            assert decisions.counts.get(target, {}).get(effect.value, 0) == expected


def test_what_is_masked_adds_up_by_target() -> None:
    decisions = Decisions()
    for masked, size in ((2, 100), (0, 50)):
        decisions.answered("shop", masked, size)
    assert (decisions.masked, decisions.row_bytes) == ({"shop": 2}, {"shop": 150})
