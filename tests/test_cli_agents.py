"""`hoop agents`, against a real API."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from tests.support.agents import report_of
from tests.support.api import Api
from tests.test_web_agents import joined
from twisted_hoop.cli.main import cli
from twisted_hoop.model import AgentIdentity


def hoop(api: Api, who: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments], env={"HOOP_URL": api.url, "HOOP_TOKEN": api.token(who)})


def test_a_token_is_all_there_is_on_standard_output(api: Api) -> None:
    made = hoop(api, "olga", "agents", "join-token", "office", "--ttl", "1h")
    assert made.exit_code == 0 and made.stdout.startswith("hoop_join_") and made.stdout.count("\n") == 1
    assert "for one agent called office, until " in made.stderr
    found = json.loads(hoop(api, "olga", "agents", "join-token", "office", "--json").stdout)
    assert found["name"] == "office"
    for arguments, code in ((("nobody",), 1), (("office", "--ttl", "x"), 2), (("office", "--ttl", "0s"), 2)):
        assert hoop(api, "olga", "agents", "join-token", *arguments).exit_code == code
    assert hoop(api, "carol", "agents", "join-token", "office").exit_code == 1


def test_agents_are_listed_shown_and_revoked(api: Api) -> None:
    assert "never joined" in hoop(api, "olga", "agents", "list").output
    ident = joined(api)
    registry = api.parts.agents._registry  # type: ignore[union-attr]
    identity = AgentIdentity("office", ident)
    assert "away" in hoop(api, "olga", "agents", "list").output
    api.loop.run(lambda: registry.connected(identity, report_of(streams=5)))
    listed = hoop(api, "carol", "agents", "list").output
    assert "connected" in listed and " 5 " in listed and "lab" in listed
    [found] = json.loads(hoop(api, "olga", "agents", "list", "--json").output)["agents"]
    assert found["connections"][0]["version"] == "1.0"
    shown = hoop(api, "olga", "agents", "show", ident).output
    assert "db.internal:5432" in shown and ident in shown
    assert json.loads(hoop(api, "olga", "agents", "show", ident, "--json").output) == found
    assert hoop(api, "carol", "agents", "revoke", ident).exit_code == 1
    done = hoop(api, "olga", "agents", "revoke", ident, "--reason", "stolen")
    assert done.output == f"office {ident} is revoked\n"
    assert "revoked" in hoop(api, "olga", "agents", "list").output
    assert json.loads(hoop(api, "olga", "agents", "revoke", ident, "--json").output)["revoked_reason"] == "stolen"
    assert hoop(api, "olga", "agents", "show", "../x").exit_code == 2
    assert hoop(api, "olga", "agents", "revoke", "f" * 32).exit_code == 1
    assert hoop(api, "alice", "agents", "list").exit_code == 1
