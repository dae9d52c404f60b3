"""What is seen of a gateway."""

from __future__ import annotations

from pathlib import Path

from tests.support.composed import made, written
from tests.support.loop import Loop
from twisted_hoop.gateway.service import GatewayService

REVIEW = """
[own_issuer]
enabled = true
[[rules]]
name = "write"
effect = "review"
classes = ["write"]
approvers = ["dba"]
"""


def test_how_it_is_is_asked_of_each_part(loop: Loop, tmp_path: Path) -> None:
    gateway = made(loop, written(tmp_path))
    loop.run(gateway.ground.database.start)
    try:
        found = loop.run(gateway.web.health.whole)
        unready = loop.run(gateway.web.health.unready)
    finally:
        loop.run(gateway.ground.database.stop)
    assert (found["gateway"], found["sessions"]) == (gateway.ground.settings.gateway.name, 0)
    assert found["policy"] == gateway.deciding.policy().version
    assert [each["name"] for each in found["issuers"]] == ["corp"]
    assert found["recorder"]["open"] == 0 and found["listeners"] == [] and found["watchers"] == 0
    assert unready == ["the gateway starts or stops"]


def test_the_api_has_what_is_in_force_after_a_reload(loop: Loop, tmp_path: Path) -> None:
    """R13: nothing it was given is of the configuration before."""
    path = written(tmp_path)
    path.write_text(path.read_text().replace("[gateway]", "[gateway]\nurl = 'https://hoop.test'"))
    gateway = made(loop, path)
    parts = gateway.web.parts
    assert parts.approver_groups() == frozenset() and parts.own() is None
    path.write_text(path.read_text() + REVIEW)
    loop.run(gateway.reload)
    assert parts.approver_groups() == {"dba"} and parts.own() is not None
    assert parts.policy() is gateway.deciding.policy.current


def test_the_api_publishes_the_keys_ssh_clients_trust(loop: Loop, tmp_path: Path) -> None:
    gateway: GatewayService = made(loop, written(tmp_path))
    assert len(set(gateway.web.parts.authorities)) == 3
    assert all(line.startswith("ssh-ed25519 ") for line in gateway.web.parts.authorities)
