"""Who may act for whom."""

from __future__ import annotations

from typing import Any

import pytest

from twisted_hoop.identity.acting import Acting
from twisted_hoop.model import Kind, Principal
from twisted_hoop.settings import ActorSection

CORP, AGENTS = "https://id.example.com", "https://agents.example.com"
ALICE = Principal(CORP, "alice", groups=frozenset({"developers"}))
ROBOT = Principal(CORP, "robot", groups=frozenset({"developers"}), kind=Kind.MACHINE)
AGENT = Principal(AGENTS, "agent-7", groups=frozenset({"ai"}), kind=Kind.MACHINE)


def permit(actor: Principal = AGENT, subject: Principal = ALICE, **section: Any) -> str:
    return Acting([ActorSection(name="a", **section)], {AGENTS: "agents"}).permit(actor, subject)


def test_without_a_section_nobody_acts() -> None:
    assert Acting([], {}).permit(AGENT, ALICE) == ""


@pytest.mark.parametrize(
    "section",
    [
        {"groups": ["ai"]},
        {"subjects": ["agent-[0-9]+"]},
        {"issuers": ["agents"]},
        {"issuers": [AGENTS], "subjects": ["agent-7"], "groups": ["a.*"]},
        {"groups": ["ai"], "for_groups": ["dev.*"], "for_kind": "human"},
    ],
)
def test_all_that_is_said_holds(section: dict[str, Any]) -> None:
    assert permit(**section) == "a"


@pytest.mark.parametrize(
    "section",
    [
        {"groups": ["admins"]},
        {"subjects": ["agent"]},
        {"issuers": ["corp"], "groups": ["ai"]},
        {"groups": ["ai"], "for_groups": ["dba"]},
        {"groups": ["ai"], "for_kind": "machine"},
    ],
)
def test_one_that_does_not_is_enough(section: dict[str, Any]) -> None:
    assert permit(**section) == ""


def test_for_kind() -> None:
    assert permit(subject=ROBOT, groups=["ai"], for_kind="machine") == "a"


def test_names_that_are_no_unicode_permit_nothing() -> None:
    odd = Principal(AGENTS, "agent-\ud800", groups=frozenset({"\ud800"}))
    assert permit(odd, subjects=["agent-.*"]) == "" and permit(odd, groups=[".*"]) == ""
