from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.model import Decision, Effect
from twisted_hoop.policy.verdicts import combine

ORDER = [Effect.ALLOW, Effect.REVIEW, Effect.DENY]
decisions = st.lists(
    st.builds(
        Decision,
        st.sampled_from(Effect),
        st.sampled_from(["a", "b", "c"]),
        masks=st.frozensets(st.sampled_from(["m", "n"])),
        approvers=st.sampled_from([frozenset({"dba"}), frozenset({"dba", "sec"})]),
        quorum=st.integers(1, 5),
        wait=st.floats(0, 9),
        valid=st.floats(0, 9),
        uses=st.integers(1, 9),
    ),
    min_size=1,
    max_size=4,
)


@given(decisions)
def test_the_strictest_wins_and_nothing_asked_for_is_lost(given_: list[Decision]) -> None:
    result = combine(given_)
    assert ORDER.index(result.effect) >= max(ORDER.index(d.effect) for d in given_)
    if result.effect is not Effect.DENY:
        assert result.masks == frozenset().union(*(d.masks for d in given_))
    if result.effect is Effect.REVIEW:
        reviews = [d for d in given_ if d.effect is Effect.REVIEW]
        assert all(result.quorum >= d.quorum and result.approvers == d.approvers for d in reviews)
        assert all(result.wait <= d.wait and result.valid <= d.valid and result.uses <= d.uses for d in reviews)


@given(decisions)
def test_order_does_not_change_the_effect(given_: list[Decision]) -> None:
    assert combine(given_).effect is combine(given_[::-1]).effect


def test_different_approvers_cannot_be_joined() -> None:
    dba = Decision(Effect.REVIEW, "a", approvers=frozenset({"dba"}))
    both = combine([dba, Decision(Effect.REVIEW, "b", approvers=frozenset({"security"}))])
    assert both.effect is Effect.DENY and "split" in both.reason and both.rule == "a, b"


def test_a_denial_is_kept_as_it_is() -> None:
    no = Decision(Effect.DENY, "no", "because")
    assert combine([Decision(Effect.ALLOW, "yes"), no, Decision(Effect.DENY, "later")]) is no
