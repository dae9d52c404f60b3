from __future__ import annotations

from tests.support.policy import command, facts, session
from twisted_hoop.model import Effect
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import MaskSection, RuleSection, Settings

ALLOW = RuleSection(name="write", effect="allow", classes=["write"])
DENY = MaskSection(name="no", detect=["card"], direction="request", action="deny")
REVIEW = MaskSection(name="ask", detect=["card"], direction="request", action="review", approvers=["security"])
SUBJECT = RulePolicy(Settings(rules=[ALLOW], masks=[DENY, REVIEW]))


def effect(found: str, subject: RulePolicy = SUBJECT) -> Effect:
    return subject.decide(session(), command(facts(class_="write", found=found))).effect


def test_what_a_mask_found_makes_a_decision_stricter() -> None:
    assert effect("") is Effect.ALLOW
    assert effect("ask") is Effect.REVIEW
    assert effect("ask no") is Effect.DENY


def test_it_never_makes_a_denial_looser() -> None:
    assert effect("ask", RulePolicy(Settings(masks=[REVIEW]))) is Effect.DENY


def test_R13_a_mask_that_a_reload_took_away_refuses_what_it_found() -> None:
    reloaded = RulePolicy(Settings(rules=[ALLOW]))
    decision = reloaded.decide(session(), command(facts(class_="write", found="ask")))
    assert decision.effect is Effect.DENY and "no longer" in decision.reason


def test_explain_tells_of_it() -> None:
    explained = SUBJECT.explain(session(), command(facts(class_="write", found="ask")))
    assert explained.trace[-1] == "statement 1: mask 'ask' found values on their way in"
