"""Who may vote, and what votes amount to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.approvals import AGENT_FOR_ALICE, ALICE, BOB, CAROL, ISSUER, ROBOT
from twisted_hoop.approval.ballots import Vote, enough, may_see, objection
from twisted_hoop.model import Actor, Principal

DBA = frozenset({"dba"})


def vote(name: str, granted: bool = True) -> Vote:
    return Vote(f"{ISSUER}|{name}", name, granted, "", 1.0)


def test_somebody_else_of_the_group_may_vote() -> None:
    assert objection(BOB, ALICE.everybody, DBA) == ""
    assert "groups" in objection(ALICE, BOB.everybody, DBA)


@pytest.mark.parametrize(
    "voter",
    [
        replace(ALICE, groups=DBA),
        Principal(ISSUER, "agent-7", groups=DBA),
        replace(BOB, chain=(Actor(ISSUER, "alice"),)),
        replace(BOB, chain=(Actor(ISSUER, "other"), Actor(ISSUER, "agent-7"))),
    ],
)
def test_a1_nobody_behind_the_request_votes(voter: Principal) -> None:
    """A1: the requester, its agent, and anybody through whom one of them would act."""
    assert "nobody approves" in objection(voter, AGENT_FOR_ALICE.everybody, DBA)


def test_the_same_name_at_another_issuer_is_somebody_else() -> None:
    """I4: identity is issuer and subject; so an approver of the same subject elsewhere may vote, by group."""
    assert objection(Principal("https://other.example", "alice", groups=DBA), ALICE.everybody, DBA) == ""


def test_programs_and_those_who_act_for_people_do_not_vote() -> None:
    assert "people" in objection(ROBOT, ALICE.everybody, DBA)
    assert "in person" in objection(replace(BOB, chain=(Actor(ISSUER, "agent-8"),)), ALICE.everybody, DBA)
    assert "in person" in objection(replace(BOB, chain=(Actor(ISSUER, "agent-8"),)), CAROL.everybody, frozenset())
    assert may_see(ROBOT, DBA) and not may_see(ROBOT, frozenset())


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=6), st.integers(-1, 4))
def test_a2_enough_counts_people(cast: list[tuple[str, bool]], quorum: int) -> None:
    """A2: however often somebody votes, and by whichever group, they are one person; one no is a no."""
    votes = tuple(vote(name, granted) for name, granted in cast)
    people = {name for name, _ in cast}
    assert enough(votes, quorum) == (all(granted for _, granted in cast) and len(people) >= max(1, quorum))


def test_labels_name_the_identity() -> None:
    assert vote("bob").label == f"bob ({ISSUER}|bob)"
    assert replace(vote("bob"), name="").label == f"{ISSUER}|bob"
    assert CAROL.key in vote("carol").label


def test_i8_who_acts_for_an_approver_has_no_inbox() -> None:
    """I8: also when it could see it as itself; groups somebody left out of a token take nothing from the person."""
    agent = replace(ROBOT, groups=frozenset({"ai"}), proof="bound")
    acting = replace(BOB, groups=DBA, chain=(Actor(agent.issuer, agent.subject),), within=(agent,))
    assert not may_see(acting, DBA) and objection(acting, ALICE.everybody, DBA)
    assert not may_see(replace(acting, within=(replace(agent, groups=DBA),)), DBA)
    assert not may_see(replace(acting, within=()), DBA), "an issuer's own act, without intersect"
    assert may_see(replace(agent, groups=DBA), DBA), "as the program it is"
    assert may_see(replace(BOB, groups=DBA, within=(replace(BOB, groups=DBA | {"dev"}),)), DBA)
