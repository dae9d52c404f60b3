"""Traces of a live gateway at a collector: a session, its commands, the wait for people; no text, and no waiting."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.integration.conftest import LOGIN, PASSWORD
from tests.integration.plans import RULES, target
from tests.support.gateway import Gateway, Plan, running_gateway, wait_for
from tests.support.otlp import Collector, attributes, collecting
from tests.support.postgres import Server


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(
    collector: Collector, postgres: Server, gateway_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    tracing = f'[tracing]\nurl = "{collector.url}"\nauthorization = "env:OTLP"\nevery = "0.1s"\n'
    text = tracing + target("shop", postgres, gateway_database, LOGIN) + RULES
    plan = Plan(text, {"TARGET_PASSWORD": PASSWORD, "OTLP": "Bearer of-the-collector"})
    with running_gateway(tmp_path_factory.mktemp("traces") / "gateway", plan) as running:
        yield running


def connect(gateway: Gateway) -> psycopg.Connection[Any]:
    return psycopg.connect(gateway.dsn("shop", "ci"), autocommit=True)


def session_spans(collector: Collector, ident: str) -> list[dict[str, Any]]:
    """All spans of one trace once its session is over."""
    found = wait_for(
        lambda: [each for each in collector.named("session") if attributes(each)["hoop.session"] == ident],
        "the session",
    )
    return [each for each in collector.spans() if each["traceId"] == found[0]["traceId"]]


def opened(gateway: Gateway) -> str:
    """The id of the session that is live."""
    return str(wait_for(lambda: live(gateway), "the session to be listed"))


def live(gateway: Gateway) -> str:
    found = gateway.api("GET", "/v1/sessions?state=live", "carol").json["sessions"]
    return str(found[0]["id"]) if found else ""


def test_a_session_its_commands_and_the_wait_for_people(gateway: Gateway, collector: Collector) -> None:
    with connect(gateway) as connection:
        ident = opened(gateway)
        assert connection.execute("select 4711 as private_number").fetchone() == (4711,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("truncate orders")
        with pytest.raises(psycopg.errors.DivisionByZero):
            connection.execute("select 1 / 0")
        thread = threading.Thread(target=connection.execute, args=("insert into held_rows values (4711, 'private')",))
        thread.start()
        gateway.decide(gateway.pending("'private'")["id"])
        thread.join(90)
    spans = session_spans(collector, ident)
    (session,) = [each for each in spans if each["name"] == "session shop"]
    told = attributes(session)
    assert told["enduser.id"] == "hoop|ci" and told["hoop.target"] == "shop" and told["hoop.commands"] == "4"
    commands = [each for each in spans if each["name"] == "command query"]
    assert [attributes(each)["hoop.decision"] for each in commands] == ["allow", "deny", "allow", "review"]
    assert [each.get("status") for each in commands] == [None, None, {"code": 2}, None]
    assert attributes(commands[2])["hoop.sqlstate"] == "22012"
    assert all(each["parentSpanId"] == session["spanId"] for each in commands)
    (approval,) = [each for each in spans if each["name"] == "approval"]
    assert approval["parentSpanId"] == commands[3]["spanId"]
    assert len([each for each in spans if each["name"] == "target"]) == 3
    whole = json.dumps(collector.bodies)
    assert not any(word in whole for word in ("private", "held_rows", "orders", "select", PASSWORD))
    assert collector.headers[0]["authorization"] == "Bearer of-the-collector"


def test_a_collector_that_fails_harms_nobody(gateway: Gateway, collector: Collector) -> None:
    """What it did not take is counted, and told once."""
    collector.status = 500
    try:
        with connect(gateway) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        gateway.logged("the collector of traces does not take them")
        wait_for(lambda: re.search(rb"(?m)^hoop_spans_dropped [1-9]", gateway.api("GET", "/metrics").body), "a count")
    finally:
        collector.status = 200
