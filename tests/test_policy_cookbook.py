"""docs/policy-cookbook.md: every block is loaded, every row of a table is decided as it says."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from twisted_hoop.config import load
from twisted_hoop.model import Actor, Decision, Effect, Kind, Peer, Principal, Session, Target
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.rehearsal.reading import command_of
from twisted_hoop.settings import Settings

PAGE = (Path(__file__).parent.parent / "docs/policy-cookbook.md").read_text()
ISSUER = "https://id.example.com"
ISSUERS = f'[[issuers]]\nname = "corp"\nissuer = "{ISSUER}"\naudience = ["hoop"]\n'
Row = dict[str, str]


def _rows(text: str) -> list[Row]:
    lines = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    head, *rows = ([cell.strip() for cell in line] for line in lines)
    return [dict(zip(head, row, strict=True)) for row in rows]


INTRODUCTION, *RECIPES = re.split(r"(?m)^## ", PAGE)[1:]
TARGETS = re.findall(r"(?s)```toml\n(.*?)```", INTRODUCTION)[0]
RECIPE = {text.split("\n", 1)[0]: text for text in RECIPES}
ROWS = [(title, row) for title, text in RECIPE.items() for row in _rows(text)]


def _principals() -> dict[str, Principal]:
    found = {}
    for row in _rows(INTRODUCTION):
        name, _, person = row["name"].partition(" for ")
        groups = frozenset(row["groups"].split(", "))
        chain = (Actor(ISSUER, name),) if person else ()
        kind = Kind.MACHINE if row["what"] == "program" else Kind.HUMAN
        found[row["name"]] = Principal(ISSUER, person or name, groups=groups, kind=kind, chain=chain)
    return found


def _target(settings: Settings, name: str) -> Target:
    section = next(target for target in settings.targets if target.name == name)
    options = {"labels": section.labels}
    return Target(name, section.protocol, section.endpoint, frozenset(section.groups), options=options)


def _told(decision: Decision) -> str:
    rule = f": {decision.rule}" if decision.rule else ""
    if decision.effect is Effect.REVIEW:
        return f"review by {decision.quorum} of {', '.join(sorted(decision.approvers))}{rule}"
    return decision.effect.value + rule


@pytest.fixture(scope="module")
def settings_of(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Settings]:
    found = {}
    for title, text in RECIPE.items():
        path = tmp_path_factory.mktemp("recipe") / "hoop.toml"
        path.write_text(ISSUERS + TARGETS + "".join(re.findall(r"(?s)```toml\n(.*?)```", text)))
        found[title] = load(path)
    return found


@pytest.mark.parametrize(("title", "row"), ROWS, ids=[f"{t.split(':')[0]}-{n}" for n, (t, _) in enumerate(ROWS)])
def test_a_row_is_decided_as_it_says(settings_of: dict[str, Settings], title: str, row: Row) -> None:
    settings = settings_of[title]
    now = datetime.fromisoformat(row.get("when (UTC)", "2026-11-18T12:00")).replace(tzinfo=UTC).timestamp()
    policy = RulePolicy(settings, lambda: now)
    who, target = _principals()[row["who"]], _target(settings, row.get("target", "shop"))
    assert policy.authorize(who, target).effect is Effect.ALLOW
    command = command_of(target.protocol, row["statement"].strip("`").replace(r"\|", "|"))
    decision = policy.explain(Session("s", who, target, Peer("::1"), now), command)
    assert _told(decision) == row["decision"], "\n".join(decision.trace)
    if "masks" in row:
        masks = {mask.name for mask in policy.masks_for(who, target)} | decision.masks
        assert ", ".join(sorted(masks)) == row["masks"].replace("none", "")


def test_every_recipe_has_rules_and_claims() -> None:
    assert len(RECIPE) == 9
    assert all("[[rules]]" in text and len(_rows(text)) >= 6 for text in RECIPE.values())
