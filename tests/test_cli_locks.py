"""`hoop lock`, `hoop locks`, `hoop unlock`, against a real API."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from tests.support.api import Api
from twisted_hoop.cli.main import cli


def hoop(api: Api, who: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments], env={"HOOP_URL": api.url, "HOOP_TOKEN": api.token(who)})


@pytest.mark.parametrize("kind", ["principal", "group", "issuer", "target"])
def test_each_kind_is_locked_listed_and_lifted(api: Api, kind: str) -> None:
    value = "https://elsewhere|mallory \x1b[31m" if kind == "group" else f"some {kind}"
    if kind == "group":
        assert hoop(api, "olga", "lock", "--group", value).exit_code == 1  # no control characters in what is shown
        value = "some group"
    done = hoop(api, "olga", "lock", f"--{kind}", value, "--ttl", "2h", "--reason", "lost")
    assert done.exit_code == 0 and done.output.startswith("locked until 20")
    (listed,) = json.loads(hoop(api, "carol", "locks", "--json").output)
    assert (listed["kind"], listed["value"], listed["reason"]) == (kind, value, "lost")
    assert value in hoop(api, "olga", "locks").output
    assert hoop(api, "olga", "unlock", f"--{kind}", value).output == "unlocked\n"
    assert hoop(api, "olga", "unlock", f"--{kind}", value).exit_code == 1
    assert hoop(api, "olga", "locks").output == "nothing is locked\n"


def test_without_an_end_it_holds_until_it_is_lifted(api: Api) -> None:
    made = hoop(api, "olga", "lock", "--target", "shop", "--json")
    assert json.loads(made.output)["until"] == 0
    assert "lifted" in hoop(api, "olga", "locks").output
    assert json.loads(hoop(api, "olga", "unlock", "--target", "shop", "--json").output) == {"lifted": True}


@pytest.mark.parametrize(
    "arguments",
    [
        ("lock",),
        ("lock", "--group", "a", "--target", "b"),
        ("lock", "--group", "a", "--ttl", "soon"),
        ("lock", "--group", "a", "--ttl", "0s"),
        ("unlock",),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(api: Api, arguments: tuple[str, ...]) -> None:
    assert hoop(api, "olga", *arguments).exit_code == 2


def test_locking_is_for_operators(api: Api) -> None:
    assert hoop(api, "alice", "lock", "--target", "shop").exit_code == 1
    assert hoop(api, "carol", "unlock", "--target", "shop").exit_code == 1
    assert hoop(api, "alice", "locks").exit_code == 1
