"""Where sessions come in and where they go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.composed import made, written
from tests.support.loop import Loop
from twisted_hoop.errors import UnknownTarget
from twisted_hoop.gateway.service import GatewayService
from twisted_hoop.replicas.follower import BLIND
from twisted_hoop.testing import make_session

TARGET = """
[[targets]]
name = "shop"
protocol = "postgres"
endpoint = "tcp:127.0.0.1:5432"
groups = ["dba"]
login = "app"
database = "shop"
secret = "env:KEY"
"""


@pytest.fixture
def gateway(loop: Loop, tmp_path: Path) -> GatewayService:
    return made(loop, written(tmp_path, TARGET))


def test_i9_what_stands_against_a_session_is_asked_when_it_opens(
    gateway: GatewayService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I9: a lock, a token that is good no more, and a store that has not been seen for too long."""
    session, doors, people = make_session(), gateway.doors, gateway.people
    monkeypatch.setattr(people.identity, "still_valid", lambda principal: True)
    assert doors.objection(session) == ""
    people.locks.lock("target", session.target.name, reason="incident 7")
    assert doors.objection(session) == f"locked: target {session.target.name} incident 7"
    monkeypatch.setattr(gateway.others.follower, "_seen", gateway.ground.reactor.seconds() - BLIND - 1)
    assert "(I9)" in doors.objection(session)
    monkeypatch.setattr(people.identity, "still_valid", lambda principal: False)
    assert "fresh one" in doors.objection(session)


def test_targets_are_those_of_the_settings_each_in_its_protocol(gateway: GatewayService) -> None:
    assert gateway.doors.halls.find("shop").target.name == "shop"
    with pytest.raises(UnknownTarget):
        gateway.doors.halls.find_ssh("shop")


def test_of_a_session_that_is_over_nothing_is_kept(gateway: GatewayService) -> None:
    session, policy = make_session(), gateway.deciding.policy
    policy.masks(session)
    assert session.id in policy._masks
    gateway.doors._over(session)
    assert session.id not in policy._masks
