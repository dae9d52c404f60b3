"""Join tokens, and which workloads are which agent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from tests.support.agents import OLGA, AgentHouse, agent_house, settings_of
from tests.support.loop import Loop
from twisted_hoop.agent.enrolment import LONGEST_LIFE, PREFIX, digest_of, fits, section_of
from twisted_hoop.model import Actor, AgentCredential, Principal
from twisted_hoop.settings import Settings


@pytest.fixture
def house(loop: Loop, store_url: str) -> Iterator[AgentHouse]:
    made = agent_house(loop, store_url, {"name": "office"}, {"name": "pods", "join_tokens": False})
    yield made
    made.database.stop()


def test_R11_a_token_is_shown_once_and_kept_as_a_digest(house: AgentHouse) -> None:
    made = house.token()
    assert made.token.startswith(PREFIX) and len(made.token) == len(PREFIX) + 43
    assert made.until == house.time.seconds + 900
    rows = house.database.read_now(lambda c: c.execute(text("select * from agent_tokens")).all())
    assert len(rows) == 1 and made.token not in str(rows) and digest_of(made.token) in str(rows)
    assert house.token().token != made.token
    assert house.login("office", AgentCredential(made.token)).proof_id == digest_of(made.token)


@pytest.mark.parametrize(
    ("name", "seconds", "told"),
    [
        ("nobody", 60, "no such agent"),
        ("", 60, "no such agent"),
        ("pods", 60, "does not join by token"),
        ("office", 0, "7 days"),
        ("office", LONGEST_LIFE + 1, "7 days"),
    ],
)
def test_there_is_no_token_for(house: AgentHouse, name: str, seconds: float, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        house.loop.run(lambda: house.desk.join_token(OLGA, name, seconds))


def test_who_enrolled_is_written_down_with_who_let_it_in(house: AgentHouse) -> None:
    identity = house.login("office", AgentCredential(house.token().token))
    row = house.loop.run(lambda: house.table.find(identity.ident))
    assert row is not None
    assert (row.name, row.proof, row.by_key, row.address) == ("office", "join-token", OLGA.key, "203.0.113.7")


ISSUERS = [
    {"name": "corp", "issuer": "https://corp.test", "audience": ["hoop"]},
    {"name": "other", "issuer": "https://other.test", "audience": ["hoop"]},
]
POD = Principal("https://corp.test", "system:serviceaccount:hoop:agent", groups=frozenset({"agents"}), expires=1.0)


def settings(**agent: Any) -> Settings:
    return settings_of({"name": "pods", "issuer": "corp", **agent}, issuers=ISSUERS)


@pytest.mark.parametrize(
    ("agent", "changed", "fit"),
    [
        ({"subjects": ["system:serviceaccount:hoop:agent"]}, {}, True),
        ({"subjects": ["system:serviceaccount:hoop:.*"]}, {}, True),
        ({"subjects": ["system:serviceaccount:hoop:agen"]}, {}, False),
        ({"groups": ["agents", "x"]}, {}, True),
        ({"groups": ["people"]}, {}, False),
        ({"subjects": [".*"], "groups": ["people"]}, {}, False),
        ({}, {}, False),
        ({"subjects": [".*"]}, {"issuer": "https://other.test"}, False),
        ({"subjects": [".*"]}, {"proof": "account-token"}, False),
        ({"subjects": [".*"]}, {"proof": "ssh-certificate"}, False),
        ({"subjects": [".*"]}, {"chain": (Actor("https://corp.test", "bot"),)}, False),
        ({"subjects": [".*"], "issuer": ""}, {}, False),
        ({"subjects": [".*"], "issuer": "gone"}, {}, False),
    ],
)
def test_which_workload_is_the_agent(agent: dict[str, Any], changed: dict[str, Any], fit: bool) -> None:
    from dataclasses import replace

    made = settings(**agent)
    section = section_of(made, "pods")
    assert section is not None
    assert fits(replace(POD, **changed), section, made) is fit
