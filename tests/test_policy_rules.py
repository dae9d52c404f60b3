from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from tests.support.policy import (
    alice,
    any_facts,
    any_principal,
    any_rule,
    any_rules,
    command,
    decided,
    facts,
    policy,
    session,
    target,
)
from twisted_hoop.interfaces import IPolicy
from twisted_hoop.model import Effect, Facts, Principal
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import MaskSection, RuleSection, Settings

STRICTNESS = [Effect.ALLOW, Effect.REVIEW, Effect.DENY]
READ = facts(class_="read", kind="select", access="read", table="public.orders")
WRITE = facts(class_="write", kind="delete", access="write", table="public.orders", flag="no-where")


def test_it_provides_the_interface() -> None:
    assert verifyObject(IPolicy, policy())


def test_authorize_wants_a_common_group() -> None:
    shop = target(groups=frozenset({"dba", "dev"}))
    assert policy().authorize(alice("dev"), shop).effect is Effect.ALLOW
    assert policy().authorize(alice("hr"), shop).effect is Effect.DENY
    assert policy().authorize(alice(), target(groups=frozenset({"*"}))).effect is Effect.ALLOW


def test_a_target_without_groups_is_nobodys() -> None:
    """A principal's own group `*` is no key either."""
    assert policy().authorize(alice("dba", "*"), target()).effect is Effect.DENY


def test_no_rule_means_deny_and_the_reason_says_what_was_missing() -> None:
    decision = decided([], READ)
    assert decision.effect is Effect.DENY and decision.rule == ""
    assert decision.reason == "no rule allows read of public.orders"


def test_no_facts_mean_deny_whatever_the_rules_say() -> None:
    assert decided([{"effect": "allow", "classes": ["unknown", ".*"]}]).effect is Effect.DENY


def test_the_first_rule_that_matches_decides() -> None:
    rules: list[dict[str, Any]] = [
        {"effect": "deny", "flags": ["no-where"]},
        {"effect": "review", "classes": ["write"], "approvers": ["dba"], "approvals": 2, "wait": "10s", "uses": 3},
        {"effect": "allow", "classes": ["read", "write"]},
    ]
    assert decided(rules, WRITE).rule == "r1"
    assert decided(rules, READ).rule == "r3"
    review = decided(rules, {**WRITE, "flag": frozenset()})
    assert (review.effect, review.quorum, review.wait, review.uses) == (Effect.REVIEW, 2, 10.0, 3)
    assert review.approvers == {"dba"}


def test_P9_the_strictest_of_several_statements_decides() -> None:
    rules: list[dict[str, Any]] = [{"effect": "allow", "classes": ["read"]}]
    assert decided(rules, READ, READ).effect is Effect.ALLOW
    assert decided(rules, READ, WRITE, READ).effect is Effect.DENY


def test_masks_of_all_statements_are_united() -> None:
    rules: list[dict[str, Any]] = [
        {"effect": "allow", "classes": ["read"], "masks": ["m1"]},
        {"effect": "allow", "classes": ["write"], "masks": ["m2"]},
    ]
    assert decided(rules, READ, WRITE).masks == {"m1", "m2"}


def test_time_windows_are_looked_at_in_every_decision() -> None:
    clock = [datetime(2026, 11, 20, 12, 0, tzinfo=UTC).timestamp()]
    subject = policy({"effect": "allow", "classes": ["read"], "hours": "09:00-17:00"}, now=lambda: clock[0])
    here, there = session(), command(READ)
    assert subject.decide(here, there).effect is Effect.ALLOW
    clock[0] += 6 * 3600
    assert subject.decide(here, there).effect is Effect.DENY
    clock[0] += 18 * 3600
    assert subject.decide(here, there).effect is Effect.ALLOW


def test_two_principals_never_share_a_view() -> None:
    subject = policy({"effect": "allow", "classes": ["read"], "groups": ["dba"]})
    for _ in range(3000):  # more than are remembered, so that identities of dead objects come again
        assert subject.decide(session(alice("dba")), command(READ)).effect is Effect.ALLOW
        assert subject.decide(session(alice("dev")), command(READ)).effect is Effect.DENY


def test_what_is_remembered_has_an_end() -> None:
    subject, here = policy({"effect": "allow", "classes": ["read"]}), session()
    for number in range(9000):
        subject.decide(here, command(facts(class_="read", table=f"public.t{number}")))
    assert len(subject._decisions) <= 8192


def test_explain_tells_every_rule_looked_at() -> None:
    subject = policy(
        {"effect": "deny", "groups": ["interns"]},
        {"effect": "deny", "tables": ["hr.salaries"]},
        {"effect": "allow", "classes": ["read"]},
    )
    explained = subject.explain(session(), command(READ, WRITE))
    assert explained.trace == (
        "statement 1: rule 1 'r1' passed over: groups",
        "statement 1: rule 2 'r2' passed over: tables",
        "statement 1: rule 3 'r3' matches: allow",
        "statement 2: rule 1 'r1' passed over: groups",
        "statement 2: rule 2 'r2' passed over: tables",
        "statement 2: rule 3 'r3' passed over: classes",
        "statement 2: no rule matches: deny",
    )
    assert subject.decide(session(), command(READ)).trace == ()


def test_masks_for_a_principal() -> None:
    masks = [
        MaskSection(name="cards", columns=[r".*\.card"], except_groups=["dpo"]),
        MaskSection(name="mail", detect=["email"], targets=["crm"]),
        MaskSection(name="named", detect=["card"], default=False),
    ]
    subject = RulePolicy(Settings(masks=masks))
    assert [m.name for m in subject.masks_for(alice(), target())] == ["cards"]
    assert subject.masks_for(alice("dpo"), target()) == ()
    assert subject.mask_named("named").detect == ["card"]
    with pytest.raises(KeyError):
        subject.mask_named("nothing")


def test_a_rule_that_cannot_be_compiled_is_not_skipped() -> None:
    """C5: even when the check of the configuration was passed by."""
    with pytest.raises(ValueError, match="RE2"):
        policy({"effect": "deny", "tables": ["("]})


NOW = st.floats(0, 4e9)


@given(any_rules, any_principal, st.lists(any_facts, max_size=3), NOW)
@settings(max_examples=70, deadline=None)
def test_decide_never_raises_and_explain_agrees(
    rules: list[dict[str, Any]], who: Principal, statements: list[Facts], now: float
) -> None:
    subject = policy(*rules, masks=["m1", "m2"], now=lambda: now)
    decision = subject.decide(session(who), command(*statements))
    assert decision.policy_version == subject.version
    explained = subject.explain(session(who), command(*statements))
    assert (explained.effect, explained.rule, explained.masks) == (decision.effect, decision.rule, decision.masks)
    if len(statements) == 1 and decision.rule and "found" not in statements[0]:
        assert explained.trace[-1].endswith(f"{decision.rule!r} matches: {decision.effect.value}")


@given(any_rules, any_rule, any_principal, st.lists(any_facts, min_size=1, max_size=3), NOW)
@settings(max_examples=70, deadline=None)
def test_a_denial_in_front_never_loosens(
    rules: list[dict[str, Any]], more: dict[str, Any], who: Principal, statements: list[Facts], now: float
) -> None:
    here, asked = session(who), command(*statements)
    before = policy(*rules, now=lambda: now).decide(here, asked)
    after = policy({**more, "effect": "deny"}, *rules, now=lambda: now).decide(here, asked)
    if after.effect is not before.effect:
        assert after.effect is Effect.DENY


@given(any_rules, any_principal, st.lists(any_facts, min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_more_statements_are_never_looser_and_order_does_not_matter(
    rules: list[dict[str, Any]], who: Principal, statements: list[Facts]
) -> None:
    subject, here = policy(*rules), session(who)
    whole = subject.decide(here, command(*statements)).effect
    each = [subject.decide(here, command(one)).effect for one in statements]
    assert STRICTNESS.index(whole) >= max(map(STRICTNESS.index, each))
    assert subject.decide(here, command(*statements[::-1])).effect is whole


@given(any_rules, any_facts)
@settings(max_examples=40, deadline=None)
def test_an_allowed_table_is_covered_by_one_rule(rules: list[dict[str, Any]], of: Facts) -> None:
    """A rule with the same text that forbids instead would have met the statement too: the readings never cross."""
    subject = policy(*[r for r in rules if r["effect"] == "allow"])
    decision = subject.decide(session(), command(of))
    if decision.effect is Effect.ALLOW:
        same = next(
            r for n, r in enumerate([r for r in rules if r["effect"] == "allow"], 1) if f"r{n}" == decision.rule
        )
        if "functions" not in same:
            assert policy({**same, "effect": "deny"}).decide(session(), command(of)).rule == "r1"


def test_rules_of_a_section_without_selectors_match_everything() -> None:
    assert RuleSection(name="last", effect="deny").tables == []
    assert decided([{"effect": "deny", "reason": "closed"}], READ).reason == "closed"
