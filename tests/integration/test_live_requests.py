"""What approvers are shown, who is told, what a kill leaves behind, and several gateways on one store: all real."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.integration.plans import RULES, target
from tests.integration.test_live_approvals import Waiting, connected, count
from tests.support.gateway import Gateway, Plan, running_gateway, start_gateway, wait_for


def plan(house: House, more: str = "", **environ: str) -> Plan:
    text = target("shop", house.server, house.database, LOGIN) + RULES + more
    return Plan(text, {"TARGET_PASSWORD": PASSWORD, **environ})


def dsn(gateway: Gateway, who: str = "ann") -> str:
    return gateway.dsn("shop", who)


def test_reason_and_what_it_touches_are_shown_to_approvers(house: House) -> None:
    text = "-- reason: CHG-4711 \u202e\ninsert into held_rows values (20, 'why')"
    with connected(house) as connection:
        waiting = Waiting(lambda: connection.execute(text))
        request = house.gateway.pending("(20, 'why')")
        assert request["reason"].startswith("CHG-4711") and "\\u{202E}" in request["shown"]
        (facts,) = request["facts"]
        assert facts["class"] == ["write"] and facts["table"] == ["public.held_rows"]
        assert request["rule"] == "held" and request["policy_version"] and len(request["digest"]) == 64
        assert request["context"]["search_path"]
        house.gateway.decide(request["id"])
        waiting.end()
    assert count(house, "held_rows", 20) == 1


def test_A3_what_is_too_long_to_be_shown_is_refused(house: House) -> None:
    """A3: 54000 or a refusal by its class, and nobody is asked."""
    text = f"insert into held_rows values (21, '{'x' * 66_000}')"
    with connected(house) as connection, pytest.raises(psycopg.Error):
        connection.execute(text)
    assert house.gateway.requests("(21,") == [] and count(house, "held_rows", 21) == 0


def test_A6_kill_9_while_a_request_is_pending(house: House, tmp_path: Path) -> None:
    """A6: the client gets a clear error, the request is closed at the restart, nobody can grant it, nothing ran."""
    folder = tmp_path / "gateway"
    with running_gateway(folder, plan(house)) as gateway:
        connection = psycopg.connect(dsn(gateway), autocommit=True)
        waiting = Waiting(lambda: connection.execute("insert into held_rows values (22, 'killed')"))
        request = gateway.pending("(22, 'killed')")
        gateway.kill()
        with pytest.raises(psycopg.OperationalError):
            waiting.end()
    again = start_gateway(folder, plan(house))
    try:
        seen = again.api("GET", f"/v1/approvals/{request['id']}", "bob").json
        assert seen["state"] == "interrupted"
        assert again.decide(request["id"]).status == 409
        with psycopg.connect(dsn(again), autocommit=True) as fresh:  # the same statement needs a request of its own
            retried = Waiting(lambda: fresh.execute("insert into held_rows values (22, 'killed')"))
            assert again.pending("(22, 'killed')")["id"] != request["id"]
            fresh.cancel_safe()
            with pytest.raises(psycopg.errors.QueryCanceled):
                retried.end()
    finally:
        again.stop()
    assert count(house, "held_rows", 22) == 0


def test_A6_what_was_granted_to_a_session_dies_with_the_gateway(house: House, tmp_path: Path) -> None:
    """A6: granted, used once of several times, then killed: the rest of its uses is gone."""
    many = '[[rules]]\nname = "many"\neffect = "review"\ntables = ["brief.*"]\napprovers = ["dba"]\n'
    many += 'uses = 5\nwait = "30s"\n'
    folder, text = tmp_path / "gateway", "insert into brief_rows values (23, 'many')"
    configured = Plan(target("shop", house.server, house.database, LOGIN) + many + RULES, {"TARGET_PASSWORD": PASSWORD})
    with running_gateway(folder, configured) as gateway:
        connection = psycopg.connect(dsn(gateway), autocommit=True)
        waiting = Waiting(lambda: connection.execute(text))
        request = gateway.pending("(23, 'many')")
        gateway.decide(request["id"])
        waiting.end()
        connection.execute(text)
        gateway.kill()
    again = start_gateway(folder, configured)
    try:
        assert again.api("GET", f"/v1/approvals/{request['id']}", "bob").json["state"] == "ended"
    finally:
        again.stop()
    assert count(house, "brief_rows", 23) == 2


@pytest.fixture
def shared(house: House) -> str:
    """A PostgreSQL database for replicas to share."""
    name = f"store_{secrets.token_hex(4)}"
    house.server.create_database(name)
    server = house.server
    url = f"postgresql+psycopg://{server.user}:{server.password}@{server.host}:{server.port}/{name}"
    return f'[store]\nurl = "{url}"\n'


def test_A8_two_gateways_on_one_postgresql_store(house: House, tmp_path: Path, shared: str) -> None:
    """A8: asked at one, decided at the other, once; listed, watched and ended across both."""
    with (
        running_gateway(tmp_path / "one", plan(house, shared)) as one,
        running_gateway(tmp_path / "two", plan(house, shared)) as two,
        psycopg.connect(dsn(one), autocommit=True) as connection,
    ):
        waiting = Waiting(lambda: connection.execute("insert into held_rows values (24, 'two')"))
        request = two.pending("(24, 'two')")
        answers = []
        racers = [
            threading.Thread(target=lambda g=g: answers.append(g.decide(request["id"]).status)) for g in (one, two)
        ]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
        assert sorted(answers) == [200, 409]
        waiting.end()
        assert count(house, "held_rows", 24) == 1

        def seen() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = two.api("GET", "/v1/sessions?state=live", "carol").json["sessions"]
            return found

        (live,) = wait_for(seen, "the session in the other gateway's list")  # rows are written some moments behind
        assert two.api("POST", f"/v1/sessions/{live['id']}/end", "olga", {"reason": "over there"}).status == 202

        def over() -> bool:
            try:
                connection.execute("select 1")
            except psycopg.Error as error:
                return "over there" in str(error) or connection.broken
            return False

        wait_for(over, "the end of the session at the other gateway")
        wait_for(lambda: len(two.api("GET", "/v1/health", "olga").json["replicas"]) == 2, "both replicas in the report")
        assert two.api("GET", "/v1/health", "olga").json["store"]["kind"] == "postgresql"


class Receiver:
    """A server that checks signatures as docs/notifications.md says."""

    def __init__(self, secret: bytes) -> None:
        self.said: list[dict[str, Any]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                signed = hmac.new(secret, self.headers["X-Hoop-Timestamp"].encode() + b"." + body, hashlib.sha256)
                genuine = hmac.compare_digest("v1=" + signed.hexdigest(), self.headers["X-Hoop-Signature"])
                status = outer.answers.pop(0) if outer.answers else 204
                if genuine and status < 300:
                    outer.said.append(json.loads(body))
                self.send_response(status if genuine else 401)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@contextmanager
def receiving(secret: bytes) -> Iterator[Receiver]:
    receiver = Receiver(secret)
    thread = threading.Thread(target=receiver.server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join(10)


def test_a_webhook_is_told_and_a_dead_one_is_in_nobodys_way(house: House, tmp_path: Path) -> None:
    with receiving(b"pencil") as receiver:
        port = receiver.server.server_port
        channels = f"""
[[notify]]
name = "tickets"
kind = "webhook"
url = "http://127.0.0.1:{port}/hoop"
secret = "env:TICKETS"
[[notify]]
name = "nobody"
kind = "webhook"
url = "http://127.0.0.1:1/hoop"
secret = "env:TICKETS"
attempts = 1
"""
        receiver.answers = [503]  # the first attempt fails
        with running_gateway(tmp_path / "gateway", plan(house, channels, TICKETS="pencil")) as gateway:
            with psycopg.connect(dsn(gateway), autocommit=True) as connection:
                waiting = Waiting(lambda: connection.execute("insert into held_rows values (25, 'told')"))
                request = gateway.pending("(25, 'told')")
                wait_for(lambda: receiver.said, "the notice")
                gateway.decide(request["id"], comment="fine")
                waiting.end()
            wait_for(lambda: len(receiver.said) == 2, "the second notice")
            dead = wait_for(
                lambda: gateway.api("GET", "/v1/deliveries?state=dead", "olga").json["deliveries"], "the dead letter"
            )
            metrics = gateway.api("GET", "/metrics").body.decode()
        first, second = receiver.said
        assert first["event"] == "requested" and second["event"] == "granted"
        assert first["approval"]["id"] == request["id"] and "held_rows" in first["approval"]["text"]
        assert dead[0]["channel"] == "nobody" and "127.0.0.1:1" not in json.dumps(dead)
        assert 'hoop_notices_total{channel="tickets",result="failed"} 1.0' in metrics
        assert 'hoop_notices_total{channel="nobody",result="dead"}' in metrics
        assert 'hoop_approvals_total{event="granted"} 1.0' in metrics


def test_ready_once_it_listens_and_well_when_asked(house: House) -> None:
    assert house.gateway.api("GET", "/readyz").status == 200
    found = house.gateway.api("GET", "/v1/health", "olga").json
    assert found["status"] == "ok", found["problems"]
    assert len(found["listeners"]) == 4 and found["replicas"][0]["policy"] == found["policy"]


def metric(gateway: Gateway, name: str, *labels: str) -> float:
    lines = gateway.api("GET", "/metrics").body.decode().splitlines()
    return sum(
        float(each.rpartition(" ")[2]) for each in lines if each.startswith(name) and all(x in each for x in labels)
    )


def test_masked_values_and_known_tokens_are_counted(house: House) -> None:
    gateway = house.gateway
    before, hits = metric(gateway, "hoop_masked_values_total"), metric(gateway, "hoop_token_cache_total", "hit")
    token = gateway.ring.token("ann", groups=["developers"])
    for _ in range(2):
        with psycopg.connect(gateway.dsn("shop", token), autocommit=True) as connection:
            connection.execute("select card_number from customers limit 5").fetchall()
    wait_for(lambda: metric(gateway, "hoop_masked_values_total") == before + 10, "the count of masked values")
    assert metric(gateway, "hoop_token_cache_total", "hit") >= hits + 1
    assert metric(gateway, "hoop_row_bytes_total", 'target="shop"') > 0
