"""Exchanged tokens at live gateways: sessions for one target, agents that act, another gateway that verifies."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from tests.integration.conftest import LOGIN, PASSWORD
from tests.integration.plans import target
from tests.integration.test_live_access import assert_told, ended
from tests.support.exchange import form_of
from tests.support.gateway import Gateway, Plan, running_gateway, token_of, wait_for
from tests.support.postgres import Server

NORTH = "https://north.test"
OWN = """
[own_issuer]
enabled = true
lifetime = "10m"
audiences = ["https://north.test"]
"""
ACTORS = """
[[own_issuer.actors]]
name = "programs"
groups = ["ci"]
for_kind = "human"
"""
RULES = """
[[rules]]
name = "reads"
effect = "allow"
classes = ["read", "session", "transaction"]
[[rules]]
name = "developers-write"
effect = "allow"
groups = ["developers"]
tables = ["orders"]
classes = ["write"]
[[rules]]
name = "held"
effect = "review"
tables = ["held_rows"]
approvers = ["dba", "developers", "ci"]
[[masks]]
name = "cards"
groups = ["ci"]
columns = ['.*\\.card_number']
strategy = "redact"
"""
CAPPED = f"""
[[accounts]]
name = "capped"
token_sha256 = "{hashlib.sha256(b"token-of-capped").hexdigest()}"
groups = ["ci"]
max_sessions = 2
"""


def plan_of(postgres: Server, database: str, own: str = OWN + ACTORS) -> Plan:
    where = (postgres, database, LOGIN)
    targets = [
        target("shop", *where, ['groups = ["developers", "ci", "dba"]']),
        target("other", *where),
        target("guarded", *where, ['groups = ["developers"]']),
    ]
    return Plan(own + "".join(targets) + RULES + CAPPED, {"TARGET_PASSWORD": PASSWORD})


@pytest.fixture(scope="module")
def place(postgres: Server, gateway_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("exchange") / "gateway"
    with running_gateway(folder, plan_of(postgres, gateway_database)) as running:
        yield running


def ask(gateway: Gateway, subject: str, actor: str = "", **more: Any) -> dict[str, Any]:
    """The answer of an exchange, with its status."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.ports["api"], timeout=60)
    with contextlib.closing(connection):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/oauth/token", urlencode(form_of(subject, actor, **more)), headers)
        answer = connection.getresponse()
        return {**json.loads(answer.read()), "status": answer.status}


def made(gateway: Gateway, who: str, actor: str = "", **more: Any) -> str:
    answer = ask(gateway, token_of(who), token_of(actor) if actor else "", **more)
    assert answer["status"] == 200, answer
    return str(answer["access_token"])


def connect(gateway: Gateway, token: str, name: str = "shop") -> psycopg.Connection[Any]:
    return psycopg.connect(gateway.dsn(name, token), autocommit=True)


def whoami(gateway: Gateway, token: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", gateway.ports["api"], timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", "/v1/whoami", headers={"Authorization": f"Bearer {token}"})
        found: dict[str, Any] = json.loads(connection.getresponse().read())
        return found


def test_a_token_for_one_target_opens_that_one(place: Gateway) -> None:
    """What is not open and what is not there are told alike."""
    token = made(place, "ann", audience="shop")
    with connect(place, token) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    said = []
    for name in ("other", "nowhere"):
        with pytest.raises(psycopg.OperationalError) as caught:
            connect(place, token, name)
        said.append(str(caught.value).replace(name, "NAME").partition("FATAL:")[2])
    assert said[0] == said[1] and said[0]


def test_an_agent_does_what_both_may(place: Gateway) -> None:
    """Ann may write and sees cards, ci may not and does not: together they read, and see no card."""
    with connect(place, made(place, "ann", "ci", audience="shop")) as connection:
        assert connection.execute("select count(*) from orders").fetchone() == (400,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
            connection.execute("delete from orders where false")
        assert "(for ci)" in str(caught.value)
        masked = connection.execute("select card_number from customers limit 1").fetchone()
    with connect(place, token_of("ann")) as connection:
        connection.execute("delete from orders where false")
        clear = connection.execute("select card_number from customers limit 1").fetchone()
    assert masked is not None and clear is not None and masked != clear
    with pytest.raises(psycopg.OperationalError):
        connect(place, made(place, "ann", "ci"), "guarded")


def test_the_recording_says_who_acted(place: Gateway) -> None:
    token = made(place, "ann", "ci", audience="shop")
    with psycopg.connect(place.dsn("shop", token, more="sslmode=disable application_name=acted")) as connection:
        connection.execute("select 1")
    about = place.entries("acted")[0]["principal"]
    assert (about["subject"], about["proof"]) == ("ann", "exchange")
    assert [actor["subject"] for actor in about["chain"]] == ["ci"]


def test_A1_who_asked_by_a_token_does_not_approve_by_another(place: Gateway) -> None:
    """A1: neither ann nor the program that acted for her, whose groups would let them; bob does."""
    import threading

    token = made(place, "ann", "ci", audience="shop")
    done: list[Any] = []

    def insert() -> None:
        with connect(place, token) as connection:
            done.append(connection.execute("insert into held_rows values (77, 'by an agent')").rowcount)

    thread = threading.Thread(target=insert)
    thread.start()
    ident = place.pending("by an agent")["id"]
    assert place.decide(ident, who="ann").status == 403 and place.decide(ident, who="ci").status == 403
    assert place.decide(ident, who="bob").json["state"] == "granted"
    thread.join(90)
    assert done == [1]


def test_I10_what_an_agent_does_for_others_counts_for_it(place: Gateway) -> None:
    """I10: `max_sessions` of the agent's account, whomever it acts for; people's own sessions count for them alone."""
    acting = [connect(place, made(place, who, "capped", audience="shop")) for who in ("ann", "bob")]
    for token in (made(place, "bob", "capped", audience="shop"), token_of("capped")):
        with pytest.raises(psycopg.OperationalError, match="capped has 2 sessions, the most it may have"):
            connect(place, token)
    connect(place, token_of("ann")).close()
    acting.pop().close()

    def again() -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            acting.append(connect(place, made(place, "bob", "capped", audience="shop")))
        return len(acting) == 2

    wait_for(again, "the place of a session that ended")
    for connection in acting:
        connection.close()


@pytest.mark.parametrize(
    ("kind", "value"),
    [("principal", "hoop|ann"), ("principal", "hoop|ci"), ("group", "ci"), ("issuer", "https://hoop.test")],
)
def test_I9_a_lock_on_either_ends_the_session(place: Gateway, kind: str, value: str) -> None:
    """I9: within seconds, wherever it was that the token came from."""
    connection = connect(place, made(place, "ann", "ci", audience="shop"))
    lock = {"kind": kind, "value": value, "reason": "lost laptop"}
    assert place.api("POST", "/v1/locks", "olga", lock).status == 201
    try:
        assert_told(ended(connection), "lost laptop", "revoked")
    finally:
        place.api("POST", "/v1/locks/lift", "olga", {"kind": kind, "value": value})


def test_another_gateway_verifies_it(place: Gateway, postgres: Server, gateway_database: str, tmp_path: Path) -> None:
    """By the published keys, as any issuer's: who, groups and who acts arrive; the agent's rights count there, too."""
    north = f"""
[[issuers]]
name = "south"
issuer = "https://hoop.test"
audience = ["{NORTH}"]
jwks = "{place.url}/oauth/keys"
name_claim = "preferred_username"
kind_claim = "kind"
intersect = true
"""
    with running_gateway(tmp_path / "north", plan_of(postgres, gateway_database, north)) as gateway:
        token = made(place, "ann", "ci", audience=NORTH)
        who = whoami(gateway, token)
        assert (who["issuer"], who["subject"], who["groups"]) == ("https://hoop.test", "hoop|ann", ["developers"])
        assert who["chain"] == [{"issuer": "hoop", "subject": "ci"}] and who["kind"] == "human"
        with connect(gateway, token) as connection:
            assert connection.execute("select count(*) from orders").fetchone() == (400,)
            with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
                connection.execute("delete from orders where false")
            assert "(for ci)" in str(caught.value)
        with pytest.raises(psycopg.OperationalError):
            connect(gateway, made(place, "ann", audience="shop"))
        with pytest.raises(psycopg.OperationalError):
            connect(place, token)


def test_I9_a_reload_after_which_nobody_acts_ends_who_does(
    postgres: Server, gateway_database: str, tmp_path: Path
) -> None:
    """I9: and a restart of the gateway keeps its key, so that tokens go on."""
    plan = plan_of(postgres, gateway_database)
    with running_gateway(tmp_path / "gateway", plan) as gateway:
        acting, own = made(gateway, "ann", "ci", audience="shop"), made(gateway, "ann", audience="shop")
        key = gateway.api("GET", "/oauth/keys").json
    with running_gateway(tmp_path / "gateway", plan) as gateway:
        assert gateway.api("GET", "/oauth/keys").json == key
        connection, alone = connect(gateway, acting), connect(gateway, own)
        gateway.reload(plan_of(postgres, gateway_database, OWN))
        assert_told(ended(connection), "revoked")
        with pytest.raises(psycopg.OperationalError):
            connect(gateway, acting)
        assert alone.execute("select 1").fetchone() == (1,)
        gateway.reload(plan_of(postgres, gateway_database, ""))
        assert_told(ended(alone), "revoked")
        wait_for(lambda: gateway.api("GET", "/oauth/keys").status == 404, "the issuer to be gone")
