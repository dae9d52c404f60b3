"""A replica that is stopped (SIGSTOP) for longer than its lease, and goes on: what happened meanwhile holds for it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.integration.plans import RULES, target
from tests.integration.test_live_approvals import Waiting
from tests.integration.test_replicas import connected, shared_store
from tests.integration.test_workers import alive
from tests.support.gateway import Gateway, Plan, running_gateway, wait_for

SILENT, LATE = "was silent for too long", "this replica was taken for dead"


def states(gateway: Gateway) -> dict[str, int]:
    """How many sessions of the target are live, and how many were marked as interrupted."""
    found: dict[str, int] = {"live": 0, "interrupted": 0}
    for each in gateway.api("GET", "/v1/sessions?state=all&limit=500", "carol").json["sessions"]:
        name = "live" if each["state"] == "live" else each["outcome"]
        found[name] = found.get(name, 0) + 1
    return found


def told(gateway: Gateway, words: str) -> bool:
    return any(words in str(line.get("message")) for line in gateway.lines())


def test_I9_A6_R15_a_replica_that_slept_past_its_lease(house: House, tmp_path: Path) -> None:
    """I9, A6, R15: what was locked meanwhile ends; what was asked is asked anew; the list is true again."""
    text = target("shop", house.server, house.database, LOGIN) + RULES + shared_store(house)
    plan = Plan(text, {"TARGET_PASSWORD": PASSWORD})
    with running_gateway(tmp_path / "awake", plan) as awake, running_gateway(tmp_path / "asleep", plan) as asleep:
        kept, locked, asking = connected(asleep), connected(asleep, "ci"), connected(asleep)
        with kept, locked, asking:
            waiting = Waiting(lambda: asking.execute("insert into held_rows values (971, 'asleep')"))
            wait_for(lambda: awake.requests("(971,"), "the request at the other")
            wait_for(lambda: states(awake)["live"] == 3, "three sessions in the list")
            os.kill(asleep.process.pid, signal.SIGSTOP)
            try:
                wait_for(lambda: told(awake, SILENT), "the end of the lease")
                assert states(awake) == {"live": 0, "interrupted": 3}
                assert awake.requests("(971,") == []
                done = awake.command("lock", "--group", "ci", "--reason", "while it slept", who="olga")
                assert done.returncode == 0, done.stderr
            finally:
                os.kill(asleep.process.pid, signal.SIGCONT)
            wait_for(lambda: told(asleep, LATE), "the replica to learn of it")
            _what_holds_now(awake, kept, locked, waiting)


def _what_holds_now(
    awake: Gateway, kept: psycopg.Connection[Any], locked: psycopg.Connection[Any], waiting: Waiting
) -> None:
    wait_for(lambda: not alive(locked), "the end of the session that was locked meanwhile")
    with pytest.raises(psycopg.Error):
        waiting.end()
    assert alive(kept)
    wait_for(lambda: states(awake)["live"] >= 1, "the session that lives, in the list again")
    again = Waiting(lambda: kept.execute("insert into held_rows values (972, 'awake')"))
    request = wait_for(lambda: awake.requests("(972,"), "a request that is asked anew")[0]
    assert awake.decide(request["id"]).status == 200
    again.end()
