"""The policy in force: a reload replaces it whole (R13)."""

from __future__ import annotations

from typing import Any

import pytest

from twisted_hoop.gateway.policies import PolicyInForce
from twisted_hoop.model import Command, Effect
from twisted_hoop.settings import MaskSection, RuleSection, Settings
from twisted_hoop.testing import make_session

COMMAND = Command("query", "select 1", facts=({"class": frozenset({"read"}), "kind": frozenset({"select"})},))


def settings(effect: Any, *masks: str) -> Settings:
    rules = [RuleSection(name="all", effect=effect, classes=["read"])]
    return Settings(rules=rules, masks=[MaskSection(name=name, detect=["card"]) for name in masks])


def test_r13_a_reload_holds_for_the_next_decision() -> None:
    """R13: and every decision says by which version."""
    policy = PolicyInForce(settings("allow"))
    before = policy().decide(make_session(), COMMAND)
    policy.replace(settings("deny"))
    after = policy().decide(make_session(), COMMAND)
    assert (before.effect, after.effect) == (Effect.ALLOW, Effect.DENY)
    assert before.policy_version != after.policy_version


def test_r13_masks_are_those_of_the_rules_in_force() -> None:
    """R13: also for sessions that are open."""
    policy, session = PolicyInForce(settings("allow", "cards")), make_session()
    assert policy.masks(session) == policy.masks(session) == {"cards"}
    policy.replace(settings("allow", "cards", "phones"))
    assert policy.masks(session) == {"cards", "phones"}
    policy.forget(session)
    policy.forget(session)
    assert policy.masks(session) == {"cards", "phones"}


def test_c5_rules_that_cannot_be_used_leave_the_old_ones() -> None:
    """C5: a pattern that does not compile is never an allowance."""
    policy = PolicyInForce(settings("deny"))
    broken = Settings(rules=[RuleSection(name="x", effect="allow", tables=["("])])
    with pytest.raises(Exception, match=r".+"):
        policy.replace(broken)
    assert policy().decide(make_session(), COMMAND).effect is Effect.DENY
