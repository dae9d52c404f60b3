"""`hoop retention`."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from tests.support.api import Api
from tests.test_web_keeping import record
from twisted_hoop.cli.retention import retention


def run(api: Api, *arguments: str, who: str = "olga") -> Result:
    where = ["--url", api.url, "--token", api.token(who)]
    return CliRunner().invoke(retention, [*arguments, *where], env={"COLUMNS": "200"})


def test_dry_then_for_good_then_shown(api: Api) -> None:
    record(api, "session-0002", "short-1")
    dry = run(api, "run", "--dry-run")
    assert dry.exit_code == 0 and "1 would be deleted" in dry.output and "session-0002" in dry.output, dry.output
    real = json.loads(run(api, "run", "--json").output)
    assert (real["deleted"], real["state"]) == (1, "done")
    shown = run(api, "show").output
    assert "olga" in shown and "done, dry" in shown


def test_what_is_refused(api: Api) -> None:
    assert run(api, "run", who="carol").exit_code == 1
