"""Agents and several replicas: two gateways on one PostgreSQL store, and two workers on SQLite. Real processes all."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.integration.plans import RULES, target
from tests.integration.test_replicas import shared_store
from tests.integration.test_workers import owner
from tests.support.gateway import Gateway, Plan, running_gateway, wait_for
from tests.support.live_agent import LISTENER, LiveAgent, start_agent


def plan(house: House, folder: Path, more: str = "", workers: int = 1) -> Plan:
    """A gateway whose target `shop` is behind agent office, and `lab-shop` behind agent lab."""
    where = f"tcp:{house.server.host}:{house.server.port}"
    shop = target("shop", house.server, house.database, LOGIN)
    texts = [shop.replace(f'"{where}"', f'"agent:office:{where}"')]
    texts.append(texts[0].replace('name = "shop"', 'name = "lab-shop"').replace("agent:office:", "agent:lab:"))
    assert "agent:office" in texts[0] and "agent:lab" in texts[1], shop
    listener = LISTENER.format(folder=folder, interface="127.0.0.1")
    return Plan(listener + "".join(texts) + RULES + more, {"TARGET_PASSWORD": PASSWORD}, workers=workers)


def connected(gateway: Gateway, database: str = "shop") -> psycopg.Connection[Any]:
    return psycopg.connect(gateway.dsn(database, "ann"), autocommit=True)


def agents_of(gateway: Gateway) -> list[dict[str, Any]]:
    answer = gateway.api("GET", "/v1/agents", "olga")
    return list(answer.json["agents"]) if answer.status == 200 else []


def links(gateway: Gateway) -> list[dict[str, Any]]:
    return [each for agent in agents_of(gateway) for each in agent["connections"]]


def office(folder: Path, gateway: Gateway, house: House, name: str = "office") -> LiveAgent:
    return start_agent(folder, gateway, [(house.server.host, house.server.port)], name).wait()


@dataclass
class Twins:
    """Two replicas, each with a state folder of its own; an agent is connected to the first."""

    one: Gateway
    two: Gateway
    agent: LiveAgent
    store: str


@pytest.fixture(scope="module")
def twins(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twins]:
    """Both speak to each other over TCP, and have the authorities of the first."""
    folder = tmp_path_factory.mktemp("agents")
    store = shared_store(house)
    keys = "".join(f'{n} = "{folder}/one/state/ssh_{n}"\n' for n in ("user_ca", "host_ca", "host_key", "agent_ca"))
    made = [plan(house, folder / name, store) for name in ("one", "two")]
    with running_gateway(folder / "one", made[0]) as one:
        second = replace(made[1], text=f"[ssh]\n{keys}{made[1].text}")
        with running_gateway(folder / "two", second) as two:
            agent = office(folder / "agent", one, house)
            wait_for(lambda: links(one) and links(two), "the agent's row")
            yield Twins(one, two, agent, store)
            agent.stop()


def test_a_session_at_one_replica_by_an_agent_at_the_other(twins: Twins) -> None:
    assert [each["name"] for each in agents_of(twins.two)] == ["office"]
    with connected(twins.one) as here, connected(twins.two) as there:
        assert here.execute("select 1").fetchone() == (1,)
        rows = there.execute("select count(*) from generate_series(1, 20000)").fetchone()
        assert rows == (20000,)
    [replica] = {each["replica"] for each in links(twins.two)}
    assert twins.one.logged("asks for streams by agents here")
    told = twins.one.api("GET", "/v1/replicas", "olga").json["replicas"]
    assert replica in [each["id"] for each in told] and len({each["peer_key"] for each in told}) == 2


def test_an_agent_that_is_nowhere_is_told_of_everywhere(twins: Twins) -> None:
    for gateway in (twins.one, twins.two):
        with pytest.raises(psycopg.OperationalError, match="agent lab"):
            connected(gateway, "lab-shop")


def test_I9_a_revocation_at_one_replica_ends_what_runs_at_the_other(twins: Twins, house: House, tmp_path: Path) -> None:
    """I9: an operator revokes at the replica the agent is not connected to; streams of both end within two seconds."""
    agent = office(tmp_path / "lab", twins.one, house, "lab")
    wait_for(lambda: len(links(twins.two)) == 2, "both agents")
    ident = next(each["ident"] for each in agents_of(twins.two) if each["name"] == "lab")
    with connected(twins.one, "lab-shop") as here, connected(twins.two, "lab-shop") as there:
        assert here.execute("select 1").fetchone() == there.execute("select 1").fetchone() == (1,)
        began = time.monotonic()
        done = twins.two.api("POST", f"/v1/agents/{ident}/revoke", "olga", {"reason": "stolen"})
        assert done.status == 200 and done.json["revoked_reason"] == "stolen"
        for connection in (here, there):
            wait_for(lambda connection=connection: not _alive(connection), "the end of a session")
        took = time.monotonic() - began
        print(f"revoked at B, sessions at A and B over after {took:.2f} s")
    agent.logged("is not connected")  # its certificate is refused from then on
    wait_for(lambda: len(links(twins.one)) == 1, "one agent less")
    with connected(twins.one) as other:  # nobody else is harmed
        assert other.execute("select 1").fetchone() == (1,)
    agent.stop()


def test_what_a_stolen_identity_is_good_for(twins: Twins, house: House, tmp_path: Path) -> None:
    """S6, I8: the key and certificate of agent office log in nobody at the SSH listener's authority, prove no other
    agent, and reach nothing by the gateway: only the gateway opens streams."""
    stolen = (twins.agent.folder / "state" / "identity").read_bytes()
    thief = tmp_path / "thief"
    (thief / "state").mkdir(parents=True, mode=0o700)
    (thief / "state" / "identity").write_bytes(stolen)
    (thief / "state" / "identity").chmod(0o600)
    agent = start_agent(thief, twins.one, [("127.0.0.1", 1)], "lab", join_token="")
    agent.logged("does not accept what this agent shows")
    assert twins.one.logged("the certificate is of agent office, not of lab")
    agent.stop()
    bearer = twins.one.api("GET", "/v1/whoami")
    assert bearer.status == 401


def test_a_replica_with_another_authority_is_told_of_by_both(twins: Twins, house: House, tmp_path: Path) -> None:
    """It made one of its own, as nobody gave it that of the others: their agents are no agents there."""
    text = plan(house, tmp_path / "three", twins.store).text
    with running_gateway(tmp_path / "three", Plan(text, {"TARGET_PASSWORD": PASSWORD})) as three:
        for gateway in (twins.one, twins.two, three):
            told = gateway.logged("has another authority for agents")
            assert told["level"] == "error" and "same [ssh] agent_ca" in str(told["todo"])
        answer = three.api("GET", "/metrics", "olga").body.decode()
        assert "hoop_agent_ca_mismatches 2.0" in answer
        thief = tmp_path / "moved" / "state"
        thief.mkdir(parents=True, mode=0o700)
        (thief / "identity").touch(mode=0o600)
        (thief / "identity").write_bytes((twins.agent.folder / "state" / "identity").read_bytes())
        moved = start_agent(thief.parent, three, [("127.0.0.1", 1)], join_token="")
        moved.logged("does not accept what this agent shows")
        assert three.logged("the certificate is signed by the authority of replica")
        moved.stop()


def _alive(connection: psycopg.Connection[Any]) -> bool:
    try:
        return connection.execute("select 1").fetchone() == (1,)
    except psycopg.Error:
        return False


def test_two_workers_share_an_agent(house: House, tmp_path: Path) -> None:
    """The kernel gives the agent to one worker, and clients to either."""
    folder = tmp_path / "gateway"
    with running_gateway(folder, plan(house, folder, workers=2)) as gateway:
        agent = office(tmp_path / "agent", gateway, house)
        try:
            pair: dict[int, psycopg.Connection[Any]] = {}

            def both() -> bool:
                try:
                    connection = connected(gateway)
                except psycopg.OperationalError:  # the other worker hears of the agent within a second
                    return False
                if pair.setdefault(owner(gateway, connection), connection) is not connection:
                    connection.close()
                return len(pair) == 2

            wait_for(both, "a session at each worker")
            for connection in pair.values():
                assert connection.execute("select 1").fetchone() == (1,)
                connection.close()
            assert gateway.logged("asks for streams by agents here")
        finally:
            agent.stop()
        told = json.dumps(gateway.lines())
        assert "hoop_join_" not in told  # R11
