from __future__ import annotations

from twisted_hoop.policy.version import version_of
from twisted_hoop.settings import IssuerSection, MaskSection, RuleSection, Settings, TargetSection

RULE = RuleSection(name="r", effect="allow", classes=["read"])


def test_it_changes_with_rules_and_their_order() -> None:
    other = RuleSection(name="s", effect="deny")
    versions = {
        version_of(Settings()),
        version_of(Settings(rules=[RULE])),
        version_of(Settings(rules=[RULE, other])),
        version_of(Settings(rules=[other, RULE])),
        version_of(Settings(rules=[RULE], masks=[MaskSection(name="m", detect=["card"])])),
        version_of(Settings(rules=[RULE], issuers=[IssuerSection(name="i", issuer="https://i", audience=["a"])])),
    }
    assert len(versions) == 6


def test_it_is_the_same_for_the_same_rules() -> None:
    place = TargetSection(name="t", protocol="postgres", endpoint="tcp:db:5432")
    assert version_of(Settings(rules=[RULE])) == version_of(Settings(rules=[RULE], targets=[place]))
