"""Search through a real gateway: found a moment after it was run, by word, table, person and decision."""

from __future__ import annotations

import contextlib
import json
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from tests.integration.conftest import House
from tests.support.gateway import Gateway, wait_for

CARD = "4111111111111111"


def search(gateway: Gateway, query: str) -> list[dict[str, Any]]:
    answer = gateway.api("GET", "/v1/search?" + urlencode({"q": query}), "carol")
    assert answer.status == 200, answer.body
    hits = answer.json["hits"]
    assert isinstance(hits, list)
    return hits


@pytest.fixture(scope="module")
def session(house: House) -> str:
    dsn = house.dsn(more="sslmode=disable application_name=searched")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select id /* needle_one */ from orders where id = 1")
        with contextlib.suppress(psycopg.Error):
            connection.execute("truncate orders /* needle_two */")
        with contextlib.suppress(psycopg.Error):
            connection.execute(f"select id /* needle_three */ from customers where card_number = '{CARD}'")
    return house.gateway.session_of("searched")


def test_by_word_table_person_and_decision(house: House, session: str) -> None:
    (hit,) = wait_for(lambda: search(house.gateway, "needle_one table:orders person:ci"), "the first command")
    assert (hit["session"], hit["decision"], hit["target"]) == (session, "allow", "shop")
    assert hit["text"] == "select id /* needle_one */ from orders where id = 1"
    (refused,) = wait_for(lambda: search(house.gateway, "needle_two decision:deny"), "the refusal")
    assert (refused["kind"], refused["rule"]) == ("refused", "no-truncate")


def test_masked_values_are_not_in_the_index(house: House, session: str) -> None:
    """M12: the command is found by its other words, and not by the value."""
    wait_for(lambda: search(house.gateway, f"needle_three session:{session}"), "the third command")
    assert search(house.gateway, CARD) == [] and search(house.gateway, f"{CARD[:6]}*") == []


def test_the_command_line(house: House, session: str) -> None:
    """R2: and it is written down who read what."""
    wait_for(lambda: search(house.gateway, "needle_one"), "the first command")
    done = house.gateway.command("sessions", "search", "needle_one", "--json", who="carol")
    assert [json.loads(line)["session"] for line in done.stdout.splitlines()] == [session], done.stderr
    assert house.gateway.command("sessions", "search", "needle_one", who="ann").returncode == 1
    reads = house.gateway.api("GET", f"/v1/sessions/{session}/reads", "carol").json["reads"]
    assert {"search"} <= {each["what"] for each in reads}
