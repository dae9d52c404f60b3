"""What is decided, and by whom."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.composed import ground_of, started_ground
from tests.support.loop import Loop
from twisted_hoop.approval.grants import Grant
from twisted_hoop.approval.requests import Caps, make_request
from twisted_hoop.gateway.deciding import Deciding
from twisted_hoop.gateway.ground import Ground
from twisted_hoop.gateway.people import People
from twisted_hoop.model import Admission, Command, Effect, Principal, Refusal, Target
from twisted_hoop.testing import make_session

RULES = """
[[rules]]
name = "read"
effect = "allow"
classes = ["read"]
[[rules]]
name = "write"
effect = "review"
classes = ["write"]
approvers = ["dba"]
reason = "writes are looked at"
"""
TARGET = """
[[targets]]
name = "vault"
protocol = "postgres"
endpoint = "tcp:127.0.0.1:5432"
groups = ["dba"]
request_groups = ["dev"]
request_approvers = ["dba"]
login = "app"
database = "shop"
secret = "env:KEY"
"""
READ = Command("query", "SELECT 1", ({"class": frozenset({"read"})},))
WRITE = Command("query", "DELETE FROM t", ({"class": frozenset({"write"})},))


def deciding_of(loop: Loop, ground: Ground) -> Deciding:
    return loop.run(lambda: Deciding(ground, People(ground)))


def test_the_gate_asks_the_rules_in_force(loop: Loop, tmp_path: Path) -> None:
    deciding, session = deciding_of(loop, ground_of(loop, tmp_path, RULES)), make_session()
    assert isinstance(deciding.gate.judge(session, READ), Admission)
    review = deciding.gate.judge(session, WRITE)
    assert not isinstance(review, (Admission, Refusal)) and review.effect is Effect.REVIEW


def test_what_is_requested_is_in_the_store_and_counted(loop: Loop, tmp_path: Path) -> None:
    with started_ground(loop, tmp_path, RULES) as ground:
        deciding, session = deciding_of(loop, ground), make_session()
        request = make_request(session, WRITE, deciding.policy().decide(session, WRITE), deciding.shelf.now(), Caps())
        loop.run(lambda: deciding.shelf.file(request, Caps()))
        found = loop.run(lambda: deciding.shelf.fetch(request.id))
        assert found is not None and found.state.value == "pending"
        assert b'hoop_approvals_total{event="requested"} 1.0' in ground.metrics.render()
        deciding.watch._disarm_when_idle()


def test_access_that_was_granted_opens_what_is_kept_for_it(loop: Loop, tmp_path: Path) -> None:
    """A6: and no longer than it was granted for."""
    deciding, now = deciding_of(loop, ground_of(loop, tmp_path, TARGET)), time.time()
    alice = Principal("https://issuer.test", "alice", groups=frozenset({"dev"}))
    vault = Target("vault", "postgres", "tcp:127.0.0.1:5432", frozenset({"dba"}))
    for until, effect in ((0.0, Effect.DENY), (now + 600, Effect.ALLOW), (now - 1, Effect.DENY)):
        deciding.grants.replace([Grant("r1", alice.key, (), vault.name, until)], now)
        assert deciding.policy().authorize(alice, vault).effect is effect


def test_channels_are_told_from_the_beginning(loop: Loop, tmp_path: Path) -> None:
    """One that cannot be is told before anything runs."""
    channel = '[[notify]]\nname = "ops"\nkind = "webhook"\nurl = "env:URL"\nsecret = "env:KEY"\n'
    deciding = deciding_of(loop, ground_of(loop, tmp_path, channel))
    assert list(deciding.telling.courier._channels) == ["ops"]
