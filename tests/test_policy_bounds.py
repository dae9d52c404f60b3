"""Rights intersected: what is not allowed to everybody whose rights bound somebody is not allowed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.policy import ISSUER, alice, command, facts, policy, session, target
from twisted_hoop.model import Actor, Decision, Effect, Kind, Principal, Target
from twisted_hoop.policy.bounds import everyone, named, outside, strictest
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import MaskSection, RuleSection, Settings

AGENT = Principal(ISSUER, "agent-7", groups=frozenset({"ai"}), kind=Kind.MACHINE, proof="bound")
DELEGATED = alice("dev", chain=(Actor(ISSUER, "agent-7"),), within=(AGENT,))
READ, WRITE = facts(class_="read", kind="select"), facts(class_="write", kind="delete")
ORDER = [Effect.ALLOW, Effect.REVIEW, Effect.DENY]
SHOP = target(groups=frozenset({"dev", "ai"}))


def effect(rules: RulePolicy, who: Principal = DELEGATED, what: Any = READ) -> Decision:
    return rules.decide(session(who, SHOP), command(what))


def test_both_must_be_allowed() -> None:
    rules = policy(
        {"effect": "allow", "groups": ["dev"], "classes": ["read", "write"]},
        {"effect": "allow", "groups": ["ai"], "classes": ["read"]},
    )
    assert effect(rules).effect is Effect.ALLOW
    refused = effect(rules, what=WRITE)
    assert refused.effect is Effect.DENY and refused.reason.endswith("(for agent-7)")
    only_agent = policy({"effect": "allow", "groups": ["ai"], "classes": ["read"]})
    assert effect(only_agent).reason.endswith("(for alice via agent-7)")


def test_the_strictest_and_all_that_is_asked_for() -> None:
    rules = policy(
        {"effect": "review", "groups": ["ai"], "approvers": ["dba"], "approvals": 2, "masks": ["m"]},
        {"effect": "allow", "groups": ["dev"], "classes": ["read"], "masks": ["n"], "record_rows": 5},
        masks=["m", "n"],
    )
    found = effect(rules)
    assert (found.effect, found.quorum, found.approvers) == (Effect.REVIEW, 2, frozenset({"dba"}))
    assert found.masks == {"m", "n"} and found.rows == 5 and found.rule == "r1"


def test_reviews_of_different_people_are_refused_with_that_reason() -> None:
    rules = policy(
        {"effect": "review", "groups": ["ai"], "approvers": ["security"]},
        {"effect": "review", "groups": ["dev"], "approvers": ["dba"]},
    )
    found = effect(rules)
    assert found.effect is Effect.DENY and "alice via agent-7 and agent-7 need" in found.reason


def test_the_chain_counts_for_the_person_and_the_actor_is_asked_as_itself() -> None:
    rules = policy({"effect": "deny", "actors": ["agent-7"]}, {"effect": "allow", "classes": ["read"]})
    assert effect(rules).rule == "r1" and effect(rules, AGENT).effect is Effect.ALLOW


def test_explain_says_whose_rights_it_is_about() -> None:
    rules = policy({"effect": "allow", "groups": ["dev"], "classes": ["read"]})
    trace = rules.explain(session(DELEGATED, SHOP), command(READ)).trace
    assert trace[0].startswith("for alice via agent-7: statement 1: rule 1 'r1' matches")
    assert "for agent-7: statement 1: rule 1 'r1' passed over: groups" in trace
    plain = rules.explain(session(alice("dev"), SHOP), command(READ)).trace
    assert plain == ("statement 1: rule 1 'r1' matches: allow",)


def test_groups_that_were_left_out_still_forbid_and_mask() -> None:
    """A token without `contractors` is still a contractor's."""
    whole = alice("dev", "contractors")
    narrow = replace(alice("dev"), within=(replace(whole, proof="bound"),))
    rules = RulePolicy(
        Settings(
            rules=[
                RuleSection(name="no", effect="deny", groups=["contractors"], classes=["write"]),
                RuleSection(name="yes", effect="allow", groups=["dev"], classes=["read", "write"]),
            ],
            masks=[MaskSection(name="cards", groups=["contractors"], detect=["card"])],
        )
    )
    assert effect(rules, narrow, WRITE).rule == "no" and effect(rules, narrow).effect is Effect.ALLOW
    assert [mask.name for mask in rules.masks_for(narrow, SHOP)] == ["cards"]
    assert rules.masks_for(alice("dev"), SHOP) == ()


def test_who_opens_a_target() -> None:
    rules = policy()
    assert rules.authorize(DELEGATED, SHOP).effect is Effect.ALLOW
    for groups, whose in (({"dev"}, "agent-7 has none"), ({"ai"}, "alice via agent-7 has none")):
        found = rules.authorize(DELEGATED, target(groups=frozenset(groups)))
        assert found.effect is Effect.DENY and found.reason.startswith(whose)


def test_a_token_for_a_target_opens_no_other() -> None:
    rules = policy()
    narrow = alice("dev", targets=frozenset({"shop"}))
    assert rules.authorize(narrow, SHOP).effect is Effect.ALLOW
    bank = rules.authorize(narrow, Target("bank", "postgres", "tcp:db:5432", groups=frozenset({"*"})))
    assert bank.effect is Effect.DENY and "not for target bank" in bank.reason
    assert rules.authorize(alice("dev", targets=frozenset()), SHOP).effect is Effect.DENY
    assert outside(alice("dev"), SHOP) == ""


def test_everyone_and_their_names() -> None:
    assert [named(each) for each in everyone(DELEGATED)] == ["alice via agent-7", "agent-7"]


words = st.sampled_from(["allow", "deny", "review"])
groups = st.lists(st.sampled_from(["dev", "ai", "ops"]), max_size=2)
rules = st.lists(
    st.builds(
        lambda effect, groups, classes: {
            "effect": effect,
            "groups": groups,
            "classes": classes,
            **({"approvers": ["dba"]} if effect == "review" else {}),
        },
        words,
        groups,
        st.lists(st.sampled_from(["read", "write"]), min_size=1, max_size=2),
    ),
    max_size=5,
)
people = st.builds(lambda g, n: Principal(ISSUER, n, groups=frozenset(g)), groups, st.sampled_from(["ann", "bob"]))


@given(rules, people, st.lists(people, min_size=1, max_size=3), st.sampled_from([READ, WRITE]))
def test_never_more_than_any_of_them_alone(
    given_: list[dict[str, Any]], who: Principal, within: list[Principal], what: Any
) -> None:
    made = policy(*given_)
    together = effect(made, replace(who, within=tuple(within)), what)
    alone = [effect(made, each, what) for each in (who, *within)]
    assert ORDER.index(together.effect) == max(ORDER.index(each.effect) for each in alone)
    assert together.effect is Effect.DENY or all(together.masks >= each.masks for each in alone)


def test_one_answer_is_not_made_anew() -> None:
    yes = Decision(Effect.ALLOW, "yes")
    assert strictest([DELEGATED, AGENT], [yes, yes]) is yes
