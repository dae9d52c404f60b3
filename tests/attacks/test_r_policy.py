"""R12 and R13: no field of a policy is dropped in silence, and every decision says which rules made it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_origin

import pytest
from pydantic import BaseModel

from tests.support.config import WELL, written
from tests.support.policy import alice, command, facts, session, target
from twisted_hoop.config import load, reload
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.model import Effect
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import Settings

READ = facts(class_="read", kind="select", table="public.orders", table_read="public.orders")


def sections(model: type[BaseModel] = Settings, path: str = "") -> Iterator[tuple[str, ...]]:
    """The headings of every section there is, those of sections within sections too, from the schema itself."""
    for name, field in model.model_fields.items():
        for inner in (field.annotation, *get_args(field.annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                here = f"{path}{name}"
                heading = f"[[{here}]]" if get_origin(field.annotation) is list else f"[{here}]"
                yield (heading,)
                yield from ((heading, *below) for below in sections(inner, f"{here}."))


EVERY = sorted(sections())


def test_R12_these_are_all_sections() -> None:
    """Lists in tables, tables in lists, and what came last."""
    found = {headings[-1] for headings in EVERY}
    assert {"[secrets.ttl]", "[targets.limits]", "[[own_issuer.actors]]", "[[notify.users]]", "[tracing]"} <= found
    assert len(found) >= 27


@pytest.mark.parametrize("headings", EVERY, ids=lambda headings: headings[-1])
def test_R12_an_unknown_field_is_refused_in_every_section(tmp_path: Path, headings: tuple[str, ...]) -> None:
    """R12: at any depth; a section that is optional and new drops nothing either."""
    text = "".join(f"{heading}\n" for heading in headings) + "unheard_of = true\n"
    line = len(headings) + 1
    with pytest.raises(ConfigurationError) as caught:
        load(written(tmp_path, text))
    assert any("unheard_of: unknown key" in problem and f":{line}: " in problem for problem in caught.value.problems)


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
