"""`hoop approvals` against a real API."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from tests.support.api import Api
from tests.support.approvals import ALICE, DELETE, RETRY, session_of
from twisted_hoop.cli.main import cli

Hoop = Callable[..., Result]


@pytest.fixture
def hoop(api: Api) -> Hoop:
    def run(who: str, *arguments: str) -> Result:
        return CliRunner().invoke(cli, arguments, env={"HOOP_URL": api.url, "HOOP_TOKEN": api.token(who)})

    return run


@pytest.fixture
def ident(api: Api) -> str:
    command = replace(
        DELETE, text="DELETE\nFROM p\u0430yments -- \x1b]0;evil\x07", parameters=("7", None), reason="CHG-1"
    )
    return api.file(ALICE, replace(RETRY, quorum=2), command)


def test_list_and_show(hoop: Hoop, ident: str) -> None:
    listed = hoop("bob", "approvals", "list")
    assert listed.exit_code == 0 and ident in listed.output and "\x1b" not in listed.output
    shown = hoop("bob", "approvals", "show", ident).output
    assert "DELETE\nFROM p\\u{430}yments -- \\u{1B}]0;evil\\u{7}\n" in shown  # A3: whole, and safe to look at
    assert "$1 = 7\n$2 = NULL" in shown and "CHG-1" in shown and "mix alphabets" in shown and "search_path" in shown
    assert "\x1b" not in shown


def test_json_is_json(hoop: Hoop, ident: str) -> None:
    assert json.loads(hoop("bob", "approvals", "list", "--json").output)[0]["id"] == ident
    assert json.loads(hoop("bob", "approvals", "show", ident, "--json").output)["state"] == "pending"
    answer = hoop("bob", "approvals", "deny", ident, "--json", "--comment", "no")
    assert json.loads(answer.output)["state"] == "denied" and answer.exit_code == 0


def test_approving_says_what_is_still_missing(hoop: Hoop, ident: str) -> None:
    first = hoop("bob", "approvals", "approve", ident, "--comment", "fine", "--yes")
    assert first.output == f"{ident} is pending: 1 of 2 approvals\n"
    assert hoop("carol", "approvals", "approve", ident).output == f"{ident} is granted\n"
    assert hoop("bob", "approvals", "list").output == "nothing waits\n"
    assert hoop("bob", "approvals", "list", "--state", "denied").output == "none\n"


def test_refusals_are_1(hoop: Hoop, ident: str) -> None:
    """A1: the requester."""
    result = hoop("alice", "approvals", "approve", ident)
    assert result.exit_code == 1 and "nobody approves what they ask for" in result.output
    assert hoop("olga", "approvals", "show", ident).exit_code == 1


def test_other_exit_codes(api: Api) -> None:
    wrong = CliRunner().invoke(cli, ["--url", api.url, "--token", "wrong", "approvals", "list"])
    assert wrong.exit_code == 4
    assert CliRunner().invoke(cli, ["approvals", "list", "--url", "http://127.0.0.1:1"]).exit_code == 3
    assert CliRunner().invoke(cli, ["approvals", "show", "../x", "--url", api.url]).exit_code == 2


def test_at_a_terminal_the_text_is_shown_and_asked_about(
    hoop: Hoop, ident: str, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("twisted_hoop.cli.approvals._asks", lambda: True)
    environment = {"HOOP_URL": api.url, "HOOP_TOKEN": api.token("bob")}
    no = CliRunner().invoke(cli, ["approvals", "approve", ident], input="n\n", env=environment)
    assert no.exit_code == 1 and "p\\u{430}yments" in no.output
    assert json.loads(hoop("bob", "approvals", "show", ident, "--json").output)["votes"] == []
    yes = CliRunner().invoke(cli, ["approvals", "approve", ident], input="y\n", env=environment)
    assert yes.exit_code == 0 and "1 of 2" in yes.output


def test_a3_another_login_is_shown(api: Api, hoop: Hoop) -> None:
    """A3: as whom it runs at the target; parameters of several lines are no further parameters."""
    command = replace(DELETE, parameters=("1\n$2 = 'harmless'", "2"))
    session = session_of(ALICE, login="root")
    ident = api.loop.run(lambda: api.office.approver.file(session, command, RETRY)).request.id
    shown = hoop("bob", "approvals", "show", ident).output
    assert "its login  root" in shown and "$1 = 1\n| $2 = 'harmless'\n$2 = 2\n" in shown
