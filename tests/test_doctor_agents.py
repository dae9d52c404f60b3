"""What a doctor says of targets behind agents: of a store that tells, and before a live gateway and a live agent."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agents import AgentHouse, agent_house, report_of
from tests.support.gateway import Gateway, Plan, running_gateway, wait_for
from tests.support.live_agent import LISTENER, start_agent
from tests.support.loop import Loop
from twisted_hoop.agent.authorities import naming
from twisted_hoop.cli.secrets import why_not
from twisted_hoop.doctor.agents import behind, look_at_agents
from twisted_hoop.doctor.examination import examine
from twisted_hoop.doctor.finding import Finding
from twisted_hoop.identity.ssh_private_keys import new_private_key
from twisted_hoop.model import AgentIdentity
from twisted_hoop.settings import TargetSection
from twisted_hoop.store.agents import AgentRow
from twisted_hoop.store.replicas import LEASE, Replica, Replicas

OFFICE = AgentIdentity("office", "1" * 32)
_TARGET = """
[[targets]]
name = "{name}"
protocol = "postgres"
endpoint = "agent:{agent}:tcp:127.0.0.1:{port}"
database = "postgres"
login = "app"
secret = "env:SECRET"
groups = ["*"]
"""


def section(name: str, endpoint: str) -> TargetSection:
    given = {"name": name, "protocol": "postgres", "endpoint": endpoint, "database": "x", "login": "a"}
    return TargetSection.model_validate({**given, "secret": "env:X"})


DB, SOCKET = "agent:office:tcp:db.internal:5432", "agent:office:unix:/run/db.sock"
TARGETS = behind([section("near", "tcp:db:5432"), section("far", DB), section("sock", SOCKET)])


@pytest.fixture
def house(loop: Loop, tmp_path: Path) -> Iterator[AgentHouse]:
    made = agent_house(loop, f"sqlite:///{tmp_path}/store.db")
    yield made
    made.database.stop()


def looked(tmp_path: Path, own: str = "", now: float = 0.0) -> dict[str, Finding]:
    found = look_at_agents(f"sqlite:///{tmp_path}/store.db", TARGETS, own, now or time.time())
    return {each.name: each for each in found}


def connect(house: AgentHouse, number: int, *offered: str) -> None:
    """A connection, and the word to the others that it is written down."""
    house.told.clear()
    since = time.time() - 600
    house.loop.run(lambda: house.registry.connected(OFFICE, report_of(number, offered=offered, since=since)))
    wait_for(lambda: house.told, "its row")


def lives(house: AgentHouse, ident: str, authority: Any) -> None:
    key = naming("ssh-ed25519 AA", authority.public)
    row = Replica(ident, "hoop", "1", "v1", 1.0, time.time(), 0, peer_key=key)
    house.loop.run(lambda: Replicas(house.database).here(row))


def test_only_what_an_agent_leads_to_is_looked_at() -> None:
    assert [name for name, _ in TARGETS] == ["far", "sock"]


def test_before_the_first_start_nothing_is_known_and_nothing_made(tmp_path: Path) -> None:
    found = looked(tmp_path)
    assert found["far"].state == "warning" and "no gateway of this store runs" in found["far"].what
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_does_not_answer_is_told_and_its_url_is_not() -> None:
    """R11."""
    [far, _] = look_at_agents("postgresql://x:hunter2@127.0.0.1:1/x", TARGETS, "")
    assert far.state == "error" and "does not answer" in far.what and "hunter2" not in str(far)


def test_who_is_connected_and_what_it_offers(house: AgentHouse, tmp_path: Path) -> None:
    lives(house, "replica-a", house.authority)
    assert "none of this name has joined" in looked(tmp_path)["far"].what
    connect(house, 1, "db.internal:5432")
    found = looked(tmp_path)
    assert found["far"].state == "ok" and "1 connection, for 10 min) and offers db.internal:5432" in found["far"].what
    assert "no log-in was tried" in found["far"].what
    assert found["sock"].state == "error" and "does not name unix:/run/db.sock" in found["sock"].what
    connect(house, 2, "10.0.0.0/8:*")
    found = looked(tmp_path)
    assert found["far"].state == "ok" and "2 connections" in found["far"].what and "may be in" in found["far"].what
    connect(house, 3, "another:1")
    assert looked(tmp_path)["far"].state == "warning"
    found = looked(tmp_path, now=time.time() + LEASE + 5)  # nobody said a word since: what is written is of the dead
    assert found["far"].state == "warning" and "no gateway of this store runs" in found["far"].what


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, "last seen 5 min ago from 203.0.113.9"),
        ({"until": 1.0}, "its certificate has ended"),
        ({"revoked": 1.0}, "all that joined were revoked"),
    ],
)
def test_why_one_may_be_away(house: AgentHouse, tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    lives(house, "replica-a", house.authority)
    moment = time.time()
    usual: dict[str, Any] = {"until": moment + 600, "revoked": 0.0} | changed
    token = house.token()
    row = AgentRow("3" * 32, "office", "join-token", "", "", moment, address="203.0.113.9", seen=moment - 300, **usual)
    digest = hashlib.sha256(token.token.encode()).hexdigest()
    assert house.loop.run(lambda: house.table.enrol(digest, row)) == ""
    far = looked(tmp_path, now=moment)["far"]
    assert far.state == "error" and told in far.what and far.todo


def test_replicas_with_different_authorities_are_an_error(house: AgentHouse, tmp_path: Path) -> None:
    lives(house, "replica-a", house.authority)
    own = house.authority.public.fingerprint
    assert looked(tmp_path, own)["agent_ca"].state == "ok"
    mine = looked(tmp_path, new_private_key().public.fingerprint)["agent_ca"]
    assert mine.state == "error" and own in mine.what and "[ssh] agent_ca" in mine.todo
    lives(house, "replica-b", new_private_key())
    both = looked(tmp_path, own)["agent_ca"]
    assert both.state == "error" and "replica-a" in both.what and "replica-b" in both.what


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("doctor-agents")
    text = LISTENER.format(folder=folder, interface="127.0.0.1")
    for name, agent, port in (("listed", "office", 5432), ("unlisted", "office", 5433), ("gone", "lab", 5432)):
        text += _TARGET.format(name=name, agent=agent, port=port)
    with running_gateway(folder, Plan(text, {"SECRET": "hunter2"})) as found:
        yield found


def test_before_a_live_gateway_and_a_live_agent(gateway: Gateway, loop: Loop, tmp_path: Path) -> None:
    def examined() -> dict[str, Finding]:
        environ = {**os.environ, "SECRET": "hunter2"}
        found = loop.run(lambda: examine(loop.reactor, gateway.folder / "hoop.toml", environ, why_not, 30.0))
        return {each.name: each for each in found if each.area in ("target", "agents")}

    agent = start_agent(tmp_path / "agent", gateway, [("127.0.0.1", 5432)])
    try:
        agent.wait()
        found = wait_for(lambda: (each := examined())["listed"].state == "ok" and each, "the agent's row")
        assert "agent office is connected (1 connection" in found["listed"].what
        assert found["unlisted"].state == "error" and "does not name 127.0.0.1:5433" in found["unlisted"].what
        assert found["gone"].state == "error" and "agent lab, which is not connected" in found["gone"].what
        assert found["agent_ca"].state == "ok"
    finally:
        agent.stop()
    wait_for(lambda: "last seen" in examined()["listed"].what, "its end")
