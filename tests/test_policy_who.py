from __future__ import annotations

from typing import Any

import pytest

from tests.support.policy import ISSUER, agent_of_alice, alice, robot, target
from twisted_hoop.model import Principal, Target
from twisted_hoop.policy.who import mask_checks, who_checks
from twisted_hoop.settings import MaskSection, RuleSection


def concerned(who: Principal, at: Target | None = None, effect: str = "allow", **keys: Any) -> bool:
    rule = RuleSection.model_validate({"name": "r", "effect": effect, **keys})
    return all(check.holds(who, at or target()) for check in who_checks(rule, {ISSUER: "corp"}))


@pytest.mark.parametrize("issuers", [["corp"], [ISSUER], [r"https://id\..*"]])
def test_an_issuer_goes_by_its_url_or_its_short_name(issuers: list[str]) -> None:
    assert concerned(alice(), issuers=issuers)
    assert not concerned(Principal("https://evil.example", "alice"), issuers=issuers)


def test_an_issuer_without_name_is_not_matched_by_the_empty_name() -> None:
    assert not concerned(Principal("https://evil.example", "alice"), issuers=["(corp)?"])


def test_groups_and_exceptions() -> None:
    assert concerned(alice("dba", "dev"), groups=["dba"])
    assert not concerned(alice("dev"), groups=["dba"]) and not concerned(alice(), groups=[".*"])
    assert not concerned(alice("dba", "dev"), groups=["dba"], except_groups=["de.?"])


def test_subjects_and_kinds() -> None:
    assert concerned(alice(), subjects=["alice"]) and not concerned(alice(), subjects=["ali"])
    assert concerned(robot(), kind="machine") and not concerned(alice(), kind="machine")


def test_a_delegation_is_told_from_the_person_herself() -> None:
    assert concerned(agent_of_alice(), actors=["agent-.*"]) and not concerned(alice(), actors=[".*"])
    assert concerned(agent_of_alice(), delegated_by=["alice"]) and not concerned(alice(), delegated_by=["alice"])


def test_targets_labels_and_protocols() -> None:
    shop = target("shop", env="production")
    assert concerned(alice(), shop, targets=["shop"], labels={"env": "prod.*"}, protocols=["postgres"])
    assert not concerned(alice(), shop, labels={"env": "staging"})
    assert not concerned(alice(), shop, labels={"env": "prod.*", "tier": ".*"})
    assert not concerned(alice(), Target("shop", "postgres", "tcp:db:1"), labels={"env": ".*"})


def test_a_name_that_is_not_unicode_never_loosens() -> None:
    odd = alice("dev\ud800")
    assert not concerned(odd, groups=[".*"]) and concerned(odd, effect="deny", groups=[".*"])
    assert not concerned(odd, except_groups=["x.*"]) and concerned(odd, effect="deny", except_groups=["x.*"])


def test_masks_choose_targets_and_groups() -> None:
    mask = MaskSection(name="m", targets=["shop"], groups=["support"], except_groups=["dpo"])

    def masked(who: Principal, at: Target) -> bool:
        return all(check.holds(who, at) for check in mask_checks(mask))

    assert masked(alice("support"), target())
    assert not masked(alice("support", "dpo"), target())
    assert not masked(alice("dev"), target()) and not masked(alice("support"), target("other"))
