"""R13: a reload holds for sessions that live, and what they knew before it is of no use to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest

from tests.support.gateway import Gateway, Plan, start_gateway
from tests.support.postgres import Server, load_shop

QUERY = "select card_number, name from customers where id = 1"
CARD, NAME = "4111111111111111", "Ada Lovelace"
LOGIN, PASSWORD = "reloaded", "password-of-the-gateway"
TARGET = """
[[targets]]
name = "shop"
protocol = "postgres"
endpoint = "tcp:127.0.0.1:{port}"
database = "reloads"
login = "{login}"
secret = "env:SHOP"
tls = "disable"
groups = ["developers"]
[[rules]]
name = "read"
effect = "allow"
classes = ["read", "session", "transaction"]
"""
NAMES = """
[[masks]]
name = "names"
columns = ['.*\\.name']
"""
CARDS = """
[[masks]]
name = "cards"
columns = ['.*\\.card_number']
"""


@pytest.fixture(scope="module")
def plan(postgres: Server) -> Plan:
    postgres.create_login(LOGIN, PASSWORD)
    postgres.run(f"create database reloads owner {LOGIN}")
    load_shop(postgres.dsn_for("reloads", LOGIN, PASSWORD))
    return Plan(TARGET.format(port=postgres.port, login=LOGIN), {"SHOP": PASSWORD})


@pytest.fixture(scope="module")
def gateway(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    started = start_gateway(tmp_path_factory.mktemp("gateway"), plan)
    yield started
    started.stop()


def with_more(plan: Plan, *more: str) -> Plan:
    return replace(plan, text=plan.text + "".join(more))


def connected(gateway: Gateway) -> psycopg.Connection[tuple[str, ...]]:
    return psycopg.connect(gateway.dsn("shop", "ann"), autocommit=True)


def ended(connection: psycopg.Connection[tuple[str, ...]]) -> str:
    """How the session ended: what it is told at its next statement."""
    with pytest.raises(psycopg.Error) as told:
        connection.execute(QUERY)
    return str(told.value)


@pytest.mark.parametrize("more", [(CARDS, NAMES), (CARDS.replace("card_number", "(card_number|name)"),)])
def test_R13_a_mask_that_a_reload_brings_holds_for_sessions_that_live(
    gateway: Gateway, plan: Plan, more: tuple[str, ...]
) -> None:
    """A new mask, and a known one that holds for a further column: no live session shows a clear name afterwards."""
    gateway.reload(with_more(plan, CARDS))
    with connected(gateway) as connection:
        assert connection.execute(QUERY).fetchall() == [("*****", NAME)]
        connection.execute("prepare old as " + QUERY)
        gateway.reload(with_more(plan, *more))
        message = ended(connection)
        assert NAME not in message and "connect again" in message
    with connected(gateway) as connection:
        assert connection.execute(QUERY).fetchall() == [("*****", "*****")]


def test_R13_a_target_that_closes_ends_its_sessions(gateway: Gateway, plan: Plan) -> None:
    gateway.reload(plan)
    with connected(gateway) as connection:
        assert connection.execute(QUERY).fetchall() == [(CARD, NAME)]
        gateway.reload(replace(plan, text=plan.text.replace('["developers"]', '["dba"]')))
        assert "connect again" in ended(connection)
    with pytest.raises(psycopg.OperationalError, match="no such target"):
        connected(gateway)


def test_R13_rules_alone_hold_from_the_next_statement(gateway: Gateway, plan: Plan) -> None:
    gateway.reload(plan)
    denied = '[[rules]]\nname = "closed"\neffect = "deny"\nreason = "closed now"\ntables = ["customers"]\n[[rules]]'
    with connected(gateway) as connection:
        connection.execute(QUERY)
        gateway.reload(replace(plan, text=plan.text.replace("[[rules]]", denied, 1)))
        assert "closed now" in ended(connection)
        assert connection.execute("select 1").fetchall() == [(1,)]
        gateway.reload(plan)
        assert connection.execute(QUERY).fetchall() == [(CARD, NAME)]


def test_R13_a_broken_reload_changes_nothing(gateway: Gateway, plan: Plan) -> None:
    gateway.reload(with_more(plan, CARDS))
    with connected(gateway) as connection:
        connection.execute(QUERY)
        gateway.reload(with_more(plan, "[[masks]]\nname = 1\n"), expect="the old one stays")
        assert connection.execute(QUERY).fetchall() == [("*****", NAME)]
