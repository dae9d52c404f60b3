"""R12 and R13: no field of a policy is dropped in silence, and every decision says which rules made it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.config import WELL, written
from tests.support.policy import alice, command, facts, session, target
from twisted_hoop.config import load, reload
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.model import Effect
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import Settings

READ = facts(class_="read", kind="select", table="public.orders", table_read="public.orders")
TABLES = ("gateway", "store", "recording", "api")
LISTS = ("issuers", "accounts", "listeners", "targets", "rules", "masks")


@pytest.mark.parametrize("section", [*TABLES, *LISTS])
def test_R12_an_unknown_field_is_refused_in_every_section(tmp_path: Path, section: str) -> None:
    text = f"[{section}]\nunheard_of = true\n" if section in TABLES else f"[[{section}]]\nunheard_of = true\n"
    with pytest.raises(ConfigurationError) as caught:
        load(written(tmp_path, text))
    assert any("unheard_of: unknown key" in problem and ":2: " in problem for problem in caught.value.problems)


def test_R12_a_misspelt_selector_does_not_widen_a_rule(tmp_path: Path) -> None:
    """Dropped, `tabels` would leave a rule that allows reading everything."""
    text = WELL + "[[rules]]\nname = 'orders'\neffect = 'allow'\nclasses = ['read']\ntabels = ['public.orders']\n"
    with pytest.raises(ConfigurationError, match='did you mean "tables"'):
        load(written(tmp_path, text))


def test_R13_every_decision_carries_the_version_of_its_rules(tmp_path: Path) -> None:
    subject = RulePolicy(load(written(tmp_path)))
    here = session(alice("dba"), target(groups=frozenset({"dba"})))
    decisions = [
        subject.authorize(here.principal, here.target),
        subject.authorize(alice(), here.target),
        subject.decide(here, command(READ)),
        subject.decide(here, command(READ, facts(class_="ddl"))),
        subject.decide(here, command()),
        subject.explain(here, command(READ)),
    ]
    assert {decision.policy_version for decision in decisions} == {subject.version}
    assert len(subject.version) == 16


def test_R13_a_session_is_decided_anew_after_a_reload(tmp_path: Path) -> None:
    """The same session, the same command: the new rules hold at once, and nothing of the old ones is remembered."""
    path = written(tmp_path)
    current = load(path)
    here, asked = session(alice("dba")), command(READ)
    before = RulePolicy(current)
    assert before.decide(here, asked).effect is Effect.ALLOW
    written(tmp_path, WELL.replace("classes = [", "tables = ['public.products']\nclasses = ["))
    after = RulePolicy(reload(path, current))
    assert after.decide(here, asked).effect is Effect.DENY
    assert after.version != before.version


def test_R13_a_reload_that_fails_leaves_the_old_rules(tmp_path: Path) -> None:
    path = written(tmp_path)
    current = load(path)
    written(tmp_path, WELL + "[[rules]]\nname = 'x'\neffect = 'deny'\nclasses = ['(']\n")
    with pytest.raises(ConfigurationError):
        reload(path, current)
    assert RulePolicy(current).decide(session(), command(READ)).effect is Effect.ALLOW


def test_R13_an_old_decision_is_told_from_a_new_one_by_its_version() -> None:
    assert RulePolicy(Settings()).version == RulePolicy(Settings()).version
