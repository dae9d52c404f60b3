"""What an exchange makes is never more than any of what it was made from."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.identity.narrowing import ExchangeRefused, Narrower, narrowed
from twisted_hoop.model import Actor, Kind, Principal

ISSUER = "https://id.example.com"
ALICE = Principal(ISSUER, "alice", groups=frozenset({"dev", "dba"}), expires=1000.0, max_sessions=3)
AGENT = Principal(ISSUER, "agent", groups=frozenset({"ai"}), kind=Kind.MACHINE, expires=500.0)


def refused(subject: Principal, wanted: Narrower, actor: Principal | None = None) -> str:
    with pytest.raises(ExchangeRefused) as caught:
        narrowed(subject, wanted, actor)
    return caught.value.code


def test_nothing_asked_nothing_changed() -> None:
    assert narrowed(ALICE, Narrower()) == ALICE


def test_fewer_targets_and_groups() -> None:
    """The groups that are left out still bind: in `within` stands the whole person."""
    found = narrowed(ALICE, Narrower(frozenset({"shop"}), frozenset({"dev"})))
    assert (found.targets, found.groups, found.key, found.max_sessions) == (
        frozenset({"shop"}),
        frozenset({"dev"}),
        ALICE.key,
        3,
    )
    (whole,) = found.within
    assert whole.groups == ALICE.groups and whole.key == ALICE.key and whole.within == ()


def test_an_agent_acts() -> None:
    found = narrowed(ALICE, Narrower(), AGENT)
    assert found.chain == (Actor(ISSUER, "agent"),) and found.key == ALICE.key and found.kind is Kind.HUMAN
    assert found.expires == 500.0 and found.everybody == {ALICE.key, AGENT.key}
    (actor,) = found.within
    assert (actor.key, actor.groups, actor.kind, actor.chain) == (AGENT.key, AGENT.groups, Kind.MACHINE, ())


def test_the_actors_own_limits_hold_as_well() -> None:
    narrow = narrowed(AGENT, Narrower(frozenset({"shop", "crm"}), frozenset()))
    found = narrowed(ALICE, Narrower(), narrow)
    assert found.targets == frozenset({"shop", "crm"}) and {each.groups for each in found.within} == {
        frozenset(),
        AGENT.groups,
    }
    assert refused(ALICE, Narrower(frozenset({"bank"})), narrow) == "invalid_target"
    elsewhere = replace(ALICE, targets=frozenset({"bank"}))
    assert refused(elsewhere, Narrower(), narrow) == "invalid_target"


def test_nothing_is_widened() -> None:
    shop = narrowed(ALICE, Narrower(frozenset({"shop"}), frozenset({"dev"})))
    assert refused(shop, Narrower(frozenset({"shop", "bank"}))) == "invalid_target"
    assert refused(shop, Narrower(None, frozenset({"dba"}))) == "invalid_scope"
    assert narrowed(shop, Narrower()).targets == frozenset({"shop"})


def test_who_cannot_act() -> None:
    """The confused deputy: who acts for bob does not act for alice with what it has of him."""
    assert refused(ALICE, Narrower(), replace(AGENT, chain=(Actor(ISSUER, "bob"),))) == "invalid_request"
    assert refused(ALICE, Narrower(), ALICE) == "invalid_request"
    acted = narrowed(ALICE, Narrower(), AGENT)
    assert refused(acted, Narrower(), AGENT) == "invalid_request"


def test_chains_end() -> None:
    found = ALICE
    for number in range(8):
        found = narrowed(found, Narrower(), replace(AGENT, subject=f"agent-{number}"))
    assert [actor.subject for actor in found.chain] == [f"agent-{n}" for n in range(7, -1, -1)]
    assert refused(found, Narrower(), AGENT) == "invalid_request"


def test_a_later_agent_binds_the_whole_person_too() -> None:
    """Rules for `actors` are asked of the person with all groups and everybody who acts."""
    found = narrowed(narrowed(ALICE, Narrower(None, frozenset({"dev"}))), Narrower(), AGENT)
    assert [each.chain for each in found.within if each.key == ALICE.key] == [found.chain]


sets = st.frozensets(st.sampled_from("abcd"))
maybe = st.none() | sets
subjects = st.builds(
    Principal,
    st.just(ISSUER),
    st.just("alice"),
    groups=sets,
    expires=st.none() | st.floats(0, 100),
    targets=st.none() | st.frozensets(st.sampled_from("abcd"), min_size=1),
)
agents = subjects.map(lambda p: replace(p, subject="agent"))


@given(subjects, st.lists(st.tuples(st.builds(Narrower, maybe, maybe), st.none() | agents), max_size=4))
def test_however_often_it_is_exchanged(subject: Principal, steps: list[tuple[Narrower, Principal | None]]) -> None:
    """Every step only takes away; everybody who had a part in it still bounds it."""
    now = subject
    for wanted, actor in steps:
        try:
            made = narrowed(now, wanted, actor)
        except ExchangeRefused:
            continue
        assert made.key == subject.key and made.groups <= now.groups and made.everybody >= now.everybody
        for one in (now, actor) if actor is not None else (now,):
            assert one.targets is None or (made.targets is not None and made.targets <= one.targets)
            assert one.expires is None or (made.expires is not None and made.expires <= one.expires)
        bound = [each.groups for each in made.within if each.key == made.key] or [made.groups]
        assert subject.groups in bound  # no group of the first proof is forgotten
        assert actor is None or any(e.key == actor.key and e.groups == actor.groups for e in made.within)
        now = made
