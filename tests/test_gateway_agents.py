"""What a gateway has for its agents, put together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agents import OLGA, PEER, report_of, settings_of
from tests.support.approvals import Office
from tests.support.loop import Loop
from tests.support.ssh_identity import make_authority
from twisted_hoop.gateway.agents import Agents
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.identity.ssh_private_keys import new_private_key
from twisted_hoop.model import AgentCredential
from twisted_hoop.observability.metrics import Metrics
from twisted_hoop.settings import Settings

LISTENER = {"name": "agents", "protocol": "agent", "endpoint": "tcp:0", "certificate": "a", "key": "b"}


@pytest.fixture
def agents(office: Office, loop: Loop, tmp_path: Path) -> Iterator[Agents]:
    made = loop.run(lambda: agents_of(office, loop, tmp_path, settings_of(listeners=[LISTENER])))
    loop.run(made.listen)
    loop.run(made.start)
    yield made
    loop.run(made.stop)


def agents_of(office: Office, loop: Loop, folder: Path, settings: Settings) -> Agents:
    provider = IdentityProvider(settings, loop.reactor)
    told: list[str] = []
    parts: Any = (office.database, "replica-a", told.append, folder)
    return Agents(loop.reactor, lambda: settings, lambda: provider, make_authority(), new_private_key(), *parts)


def test_from_token_to_metrics(agents: Agents, loop: Loop) -> None:
    metrics = Metrics()
    agents.watched(metrics)
    made = loop.run(lambda: agents.desk.join_token(OLGA, "office", 60))
    identity = loop.run(lambda: agents.door.authenticate("office", AgentCredential(made.token), PEER))
    loop.run(lambda: agents.door.connected(identity, report_of()))
    assert b"hoop_agents 1.0" in metrics.render() and b"hoop_agent_streams 0.0" in metrics.render()
    loop.run(lambda: agents.desk.revoke(OLGA, identity.ident, ""))
    assert not agents.door.still_valid(identity)


def test_other_replicas_find_it_while_it_is_there(agents: Agents, loop: Loop) -> None:
    assert agents.peer_listening.address.startswith("unix:") and agents.peer_key.startswith("ssh-ed25519 ")
    loop.run(agents.stop)
    assert agents.peer_listening.address == ""


def test_where_no_agent_can_connect_nobody_is_listened_to(office: Office, loop: Loop, tmp_path: Path) -> None:
    made = loop.run(lambda: agents_of(office, loop, tmp_path, Settings()))
    loop.run(made.listen)
    assert made.peer_listening.address == "" and list(tmp_path.glob("peers")) == []
    loop.run(made.stop)
