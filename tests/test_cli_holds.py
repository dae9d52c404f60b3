"""`hoop hold`."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from tests.support.api import Api
from twisted_hoop.cli.holds import hold


def run(api: Api, *arguments: str, who: str = "olga") -> Result:
    where = ["--url", api.url, "--token", api.token(who)]
    return CliRunner().invoke(hold, [*arguments, *where], env={"COLUMNS": "300"})


def test_add_list_remove(api: Api) -> None:
    made = json.loads(run(api, "add", "--session", "session-0001", "--reason", "case 1", "--json").output)
    listed = run(api, "list").output
    assert made["id"] in listed and "session session-0001" in listed and "case 1" in listed
    assert run(api, "remove", made["id"], "--reason", "closed").output == f"lifted: hold {made['id']}\n"
    assert made["id"] not in run(api, "list").output
    assert "closed" in run(api, "list", "--all").output
    assert run(api, "remove", made["id"], "--reason", "closed").exit_code == 1


def test_exactly_one_thing_is_held(api: Api) -> None:
    assert run(api, "add", "--reason", "x").exit_code == 2
    assert run(api, "add", "--reason", "x", "--session", "session-0001", "--target", "shop").exit_code == 2
    assert run(api, "add", "--reason", "x", "--target", "shop", who="carol").exit_code == 1
