from __future__ import annotations

import pytest

from tests.support.policy import alice, facts, target
from twisted_hoop.policy.compiled import compile_rule
from twisted_hoop.policy.what import prepared
from twisted_hoop.settings import RuleSection

NIGHT, NOON = 0.0, 12 * 3600.0


def test_the_first_selector_that_fails_is_named() -> None:
    section = RuleSection(name="r", effect="allow", groups=["dba"], classes=["read"], hours="09:00-17:00")
    rule = compile_rule(1, section, {}, "v")
    read, write = prepared(facts(class_="read")), prepared(facts(class_="write"))
    assert rule.miss(alice(), target(), NOON, read) == "groups"
    assert rule.miss(alice("dba"), target(), NIGHT, read) == "hours"
    assert rule.miss(alice("dba"), target(), NOON, write) == "classes"
    assert rule.miss(alice("dba"), target(), NOON, read) == ""


@pytest.mark.parametrize(
    "bad", [{"tables": ["("]}, {"hours": "09:00-09:00"}, {"days": ["mon"], "timezone": "No/Where"}, {"groups": ["*"]}]
)
def test_what_cannot_be_compiled_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        compile_rule(1, RuleSection.model_validate({"name": "r", "effect": "deny", **bad}), {}, "v")


def test_a_decision_says_which_rule_and_why() -> None:
    rule = compile_rule(1, RuleSection(name="r", effect="deny"), {}, "v")
    assert (rule.decision.rule, rule.decision.reason, rule.decision.policy_version) == ("r", "rule 'r' forbids it", "v")
