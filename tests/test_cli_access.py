"""`hoop access` against a real API."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from tests.support.api import Api
from tests.support.gateway import wait_for
from twisted_hoop.cli.main import cli

Hoop = Callable[..., Result]


@pytest.fixture
def hoop(api: Api) -> Hoop:
    def run(who: str, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["access", *arguments], env={"HOOP_URL": api.url, "HOOP_TOKEN": api.token(who)})

    return run


def test_from_asking_to_the_end(hoop: Hoop, api: Api) -> None:
    asked = hoop("alice", "request", "vault", "--for", "90m", "--reason", "CHG-1")
    ident = asked.output.split()[0]
    assert asked.exit_code == 0 and "waits for dba" in asked.output
    assert "vault" in hoop("alice", "list").output
    assert api.ask("POST", f"/v1/approvals/{ident}/approve", "bob", {}).json["valid"] == 5400.0
    found = json.loads(hoop("alice", "list", "--json").output)
    assert found["grants"][0]["target"] == "vault" and found["offers"][0]["longest"] == 28800.0
    assert hoop("alice", "end", ident).output == f"{ident} is ended\n"
    assert json.loads(hoop("alice", "list", "--json").output)["grants"] == []
    assert hoop("alice", "end", ident).exit_code == 1


def test_waiting_for_the_answer(hoop: Hoop, api: Api) -> None:
    """What scripts need: the exit code says whether the door is open."""
    results: list[Result] = []
    for verb, code in (("approve", 0), ("deny", 1)):
        asking = threading.Thread(
            target=lambda: results.append(hoop("alice", "request", "vault", "--for", "1h", "--reason", "x", "--wait"))
        )
        asking.start()
        pending = wait_for(lambda: api.ask("GET", "/v1/approvals", "bob").json["approvals"], "the request")
        api.ask("POST", f"/v1/approvals/{pending[0]['id']}/{verb}", "bob", {"comment": "well"})
        asking.join(60)
        assert results[-1].exit_code == code, results[-1].output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["vault", "--for", "1h"], 1),  # a reason is needed
        (["shop", "--for", "1h", "--reason", "x"], 1),  # nobody asks for that one
        (["vault", "--for", "20h", "--reason", "x"], 1),
        (["vault", "--for", "an hour", "--reason", "x"], 2),
        (["vault", "--reason", "x"], 2),
    ],
)
def test_what_is_refused(hoop: Hoop, arguments: list[str], code: int) -> None:
    assert hoop("alice", "request", *arguments).exit_code == code


def test_nothing_to_ask_for(hoop: Hoop) -> None:
    assert hoop("olga", "list").output == "none\n"
