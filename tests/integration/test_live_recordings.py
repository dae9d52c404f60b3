"""What a session leaves behind: every command, refusal and outcome, readable by the library, the API and `hoop`."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from typing import Any

import psycopg
import pytest

from tests.integration.conftest import House

NAME = "recorded-session"


@pytest.fixture(scope="module")
def entries(house: House) -> list[dict[str, Any]]:
    """The recording of one session that does a bit of everything."""
    dsn = house.dsn(more=f"sslmode=disable application_name={NAME}")
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select id from orders where id <= 3 order by id")
        connection.execute("select status from orders where id = %s", (4,))
        connection.execute("create temp table recorded (id int); insert into recorded values (1), (2); select 1")
        for sql in ("truncate orders", "select 1/0", "insert into retried_rows values (9, 'recorded')"):
            with pytest.raises(psycopg.Error):
                connection.execute(sql)
        with connection.cursor() as cursor, cursor.copy("copy recorded from stdin") as copy:
            copy.write_row((3,))
        with connection.cursor() as cursor, cursor.copy("copy recorded to stdout") as copy:
            assert len([*copy]) == 3
        with connection.pipeline() as pipeline:
            for sql in ("select 'one'", "truncate orders", "select 'skipped'"):
                connection.execute(sql)
            with pytest.raises(psycopg.Error):
                pipeline.sync()
        connection.execute("select card_number from customers where id = 1")
    return house.gateway.entries(NAME)


def commands(entries: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    return [e for e in entries if e["kind"] in ("command", "refused") and text in e["text"]]


def outcomes(entries: list[dict[str, Any]], command: dict[str, Any]) -> list[dict[str, Any]]:
    return [e for e in entries if e["kind"] == "outcome" and e["command"] == command["command"]]


def test_the_first_and_the_last_entry(entries: list[dict[str, Any]]) -> None:
    first, last = entries[0], entries[-1]
    assert first["kind"] == "open"
    assert (first["principal"]["subject"], first["target"], first["protocol"]) == ("ci", "shop", "postgres")
    assert first["peer"]["address"] == "127.0.0.1"
    assert last["kind"] == "close"
    assert last["outcome"] == "closed"
    assert [e["n"] for e in entries] == list(range(len(entries)))


def test_every_statement_has_its_outcome(entries: list[dict[str, Any]]) -> None:
    ran = [e for e in entries if e["kind"] == "command"]
    assert len(ran) >= 8
    for command in ran:
        assert outcomes(entries, command), command
        assert command["decision"] in ("allow", "review")
        assert command["policy"]


def test_rows_bytes_and_tags(entries: list[dict[str, Any]]) -> None:
    (selected,) = commands(entries, "where id <= 3")
    (outcome,) = outcomes(entries, selected)
    assert (outcome["rows"], outcome["tag"]) == (3, "SELECT 3")
    assert outcome["bytes"] > 0
    (several,) = commands(entries, "create temp table recorded")
    assert [o["tag"] for o in outcomes(entries, several)] == ["CREATE TABLE", "INSERT 0 2", "SELECT 1"]
    (copied,) = commands(entries, "copy recorded to stdout")
    assert [o["tag"] for o in outcomes(entries, copied)] == ["COPY 3"]


def test_parameters_are_recorded_where_nothing_is_masked(entries: list[dict[str, Any]]) -> None:
    (selected,) = commands(entries, "where id = $1")
    assert selected["parameters"] == ["4"]


def test_errors_have_their_sqlstate(entries: list[dict[str, Any]]) -> None:
    (failed,) = commands(entries, "select 1/0")
    assert [o["sqlstate"] for o in outcomes(entries, failed)] == ["22012"]


def test_refusals_say_why(entries: list[dict[str, Any]]) -> None:
    refused = [e for e in entries if e["kind"] == "refused"]
    assert [(e["rule"], e["code"]) for e in refused] == [
        ("no-truncate", "denied"),
        ("retried", "pending"),
        ("no-truncate", "denied"),
    ]
    assert refused[1]["approval"]["id"]


def test_what_a_pipeline_skipped_is_not_said_to_have_run(entries: list[dict[str, Any]]) -> None:
    assert not [e for e in commands(entries, "'skipped'") if not any(o.get("skipped") for o in outcomes(entries, e))]


def test_masked_values_are_counted_and_not_there(entries: list[dict[str, Any]]) -> None:
    (selected,) = commands(entries, "select card_number")
    assert [o["masked"] for o in outcomes(entries, selected)] == [1]
    assert "4111111111111111" not in json.dumps(entries)


def test_the_command_line_lists_shows_and_replays(house: House, entries: list[dict[str, Any]]) -> None:
    """R2: over the API by an auditor, each reading written down; from the state folder by root."""
    session = entries[0]["session"]
    listed = house.gateway.command("sessions", "list", "--limit", "500", who="carol")
    assert session in listed.stdout, listed.stderr
    shown = house.gateway.command("sessions", "show", session, "--json", who="carol")
    assert [json.loads(line)["n"] for line in shown.stdout.splitlines()] == [e["n"] for e in entries]
    replayed = house.gateway.command("sessions", "replay", session, who="carol")
    assert "truncate orders" in replayed.stdout
    with contextlib.closing(sqlite3.connect(house.gateway.state / "store.db")) as store:
        read = store.execute("select count(*) from reads where session_id = ?", (session,)).fetchone()
    assert read[0] >= 2
    denied = house.gateway.command("sessions", "show", session, who="ann")
    assert denied.returncode != 0
    local = house.gateway.command("sessions", "show", session, "--state", str(house.gateway.state))
    assert "truncate orders" in local.stdout, local.stderr


def test_verification_by_the_command_and_the_library(house: House, entries: list[dict[str, Any]]) -> None:
    path = house.gateway.library.find(entries[0]["session"])
    keys = sorted(house.gateway.state.glob("recording*.pub"))
    options = [option for key in keys for option in ("--public-key", str(key))]
    done = house.gateway.command("verify", str(path), *options)
    assert done.returncode == 0, done.stdout + done.stderr
    copy = house.gateway.folder / "tampered.hoop"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    copy.write_bytes(data)
    assert house.gateway.command("verify", str(copy), *options).returncode == 1
