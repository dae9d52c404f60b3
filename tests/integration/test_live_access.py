"""Access for a while, at a real gateway: asked for, granted, used, judged, and over."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.integration.plans import RULES, target
from tests.support.gateway import Gateway, Plan, running_gateway, wait_for

BODY = {"target": "guarded", "seconds": 3600, "reason": "CHG-1"}
GUESTS = """
[[rules]]
name = "guests-count-nothing"
effect = "deny"
let_in_by = "request"
functions = ["count"]
"""


@pytest.fixture(scope="module")
def gateway(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    more = ['groups = ["dba"]', 'request_groups = ["developers"]', 'request_approvers = ["dba"]']
    targets = target("guarded", house.server, house.database, LOGIN, more)
    plan = Plan(targets + GUESTS + RULES, {"TARGET_PASSWORD": PASSWORD})
    with running_gateway(tmp_path_factory.mktemp("access") / "gateway", plan) as running:
        yield running


def connect(gateway: Gateway, who: str) -> psycopg.Connection[Any]:
    return psycopg.connect(gateway.dsn("guarded", who), autocommit=True)


def let_in(gateway: Gateway) -> tuple[str, psycopg.Connection[Any]]:
    """The grant's id, and a session that it made possible."""
    asked = gateway.api("POST", "/v1/access", "ann", BODY)
    assert asked.status == 202, asked.body
    assert gateway.decide(asked.json["id"]).json["state"] == "granted"

    def opened() -> psycopg.Connection[Any] | None:
        try:
            return connect(gateway, "ann")
        except psycopg.OperationalError:
            return None

    return asked.json["id"], wait_for(opened, "the door to open")


def ended(connection: psycopg.Connection[Any]) -> str:
    """What the session is told when it ends by itself; asked again and again.

    Where the question crosses the goodbye, TCP may throw the goodbye away: then only the end of the connection is told.
    """

    def look() -> str:
        try:
            connection.execute("select 1")
        except psycopg.Error as error:
            return str(error)
        time.sleep(0.1)
        return ""

    return str(wait_for(look, "the session to end"))


def assert_told(said: str, *reasons: str) -> None:
    assert any(reason in said for reason in (*reasons, "server closed the connection")), said


def test_nobody_gets_in_before_and_rules_judge_after(gateway: Gateway) -> None:
    with pytest.raises(psycopg.OperationalError):
        connect(gateway, "ann")
    ident, connection = let_in(gateway)
    with connection:
        assert connection.execute("select 1").fetchone() == (1,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("truncate orders")  # a rule for everybody
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select count(*) from orders")  # a rule for guests
        with connect(gateway, "bob") as insider:
            assert insider.execute("select count(*) from orders").fetchone() == (400,)
    gateway.api("POST", f"/v1/approvals/{ident}/end", "ann", {})


def test_A1_A6_who_ends_it_ends_the_session(gateway: Gateway) -> None:
    """A1: not granted by who asks. A6: an approver ends the grant, and live sessions with it."""
    asked = gateway.api("POST", "/v1/access", "ann", {**BODY, "seconds": 1800})
    assert gateway.decide(asked.json["id"], who="ann").status in (403, 404)
    gateway.api("POST", f"/v1/approvals/{asked.json['id']}/end", "ann", {})
    ident, connection = let_in(gateway)
    assert gateway.api("POST", f"/v1/approvals/{ident}/end", "bob", {}).json["state"] == "ended"
    assert_told(ended(connection), "not open to you any more")
    with pytest.raises(psycopg.OperationalError):
        connect(gateway, "ann")


def test_A4_its_hard_end_ends_the_session(gateway: Gateway) -> None:
    """A4: the store's clock decides. The end is moved near, as an hour is long for a test."""
    ident, connection = let_in(gateway)
    store = sqlite3.connect(gateway.state / "store.db", timeout=30)
    with store:
        store.execute("update approvals set until = ? where id = ?", (time.time() + 1.5, ident))
    store.close()
    assert_told(ended(connection), "not open to you any more")
    wait_for(lambda: gateway.api("GET", f"/v1/approvals/{ident}", "ann").json["state"] == "expired", "the end")
    with pytest.raises(psycopg.OperationalError):
        connect(gateway, "ann")


def test_I9_a_lock_ends_it_too_and_outlives_a_restart(house: House, tmp_path: Path) -> None:
    """I9: locked over the API: the live session ends, the grant too, and a restart changes nothing."""
    from tests.support.gateway import start_gateway

    more = ['groups = ["dba"]', 'request_groups = ["developers"]', 'request_approvers = ["dba"]']
    plan = Plan(target("guarded", house.server, house.database, LOGIN, more) + RULES, {"TARGET_PASSWORD": PASSWORD})
    folder = tmp_path / "gateway"
    with running_gateway(folder, plan) as gateway:
        ident, connection = let_in(gateway)
        who = gateway.api("GET", "/v1/whoami", "ann").json
        key = f"{who['issuer']}|{who['subject']}"
        lock = {"kind": "principal", "value": key, "reason": "lost laptop"}
        assert gateway.api("POST", "/v1/locks", "olga", lock).status == 201
        assert_told(ended(connection), "lost laptop", "revoked")
        assert gateway.api("GET", f"/v1/approvals/{ident}", "bob").json["state"] == "ended"
        gateway.kill()
    again = start_gateway(folder, plan)
    try:
        assert again.api("GET", "/v1/whoami", "ann").status == 401
        assert again.api("POST", "/v1/locks/lift", "olga", {"kind": "principal", "value": key}).json["lifted"]
        assert again.api("GET", "/v1/whoami", "ann").status == 200
    finally:
        again.stop()


def test_the_command_line_asks_and_waits(gateway: Gateway) -> None:
    asked = gateway.command("access", "request", "guarded", "--for", "2h", "--reason", "CHG-2", "--json", who="ann")
    assert asked.returncode == 0, asked.stderr
    listed = gateway.command("approvals", "list", who="bob")
    assert "open guarded for 2 hours" in listed.stdout
    import json

    ident = json.loads(asked.stdout)["id"]
    assert gateway.command("approvals", "deny", ident, "--comment", "no", who="bob").returncode == 0
    refused = gateway.command("access", "request", "elsewhere", "--for", "2h", "--reason", "x", who="ann")
    assert refused.returncode == 1 and "no such target" in refused.stderr
