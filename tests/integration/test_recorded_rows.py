"""Rows of results in the recording of a real session: as the client saw them."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.integration.plans import MASKS, target
from tests.support.gateway import Gateway, Plan, running_gateway

RULES = """
[[rules]]
name = "seen"
effect = "allow"
classes = ["read"]
record_rows = 2
[[rules]]
name = "usual"
effect = "allow"
classes = ["session", "transaction"]
"""


@pytest.fixture(scope="module")
def gateway(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    plan = Plan(target("shop", house.server, house.database, LOGIN) + RULES + MASKS, {"TARGET_PASSWORD": PASSWORD})
    with running_gateway(tmp_path_factory.mktemp("rows") / "gateway", plan) as running:
        yield running


@pytest.mark.parametrize("binary", [False, True])
def test_m12_what_the_client_saw_is_recorded_and_nothing_else(gateway: Gateway, binary: bool) -> None:
    """M12: a masked column by psycopg, in text and in binary form."""
    name = f"rows-{binary}"
    dsn = gateway.dsn("shop", more=f"sslmode=disable application_name={name}")
    with psycopg.connect(dsn, autocommit=True) as connection, connection.cursor(binary=binary) as cursor:
        seen = cursor.execute("select id::text, card_number from customers order by id limit 5").fetchall()
    outcomes = [entry for entry in gateway.entries(name) if entry["kind"] == "outcome" and entry.get("result")]
    assert [entry["columns"] for entry in outcomes] == [["id", "card_number"]]
    assert [tuple(row) for row in outcomes[0]["result"]] == seen[:2]
    assert outcomes[0]["rows"] == 5
    assert outcomes[0]["masked"] == 5
    assert outcomes[0]["seconds"] > 0
