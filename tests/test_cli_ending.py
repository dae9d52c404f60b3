"""`hoop sessions kill`, and `hoop sessions watch` of one session, against a real API."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from tests.support.api import RECORDED, Api
from tests.support.approvals import ALICE, session_of
from twisted_hoop.cli.main import cli
from twisted_hoop.store.sessions import SessionIndex


def hoop(api: Api, who: str, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["sessions", *arguments], env={"HOOP_URL": api.url, "HOOP_TOKEN": api.token(who)})


def test_ending_is_for_operators_and_reaches_other_replicas(api: Api) -> None:
    index = SessionIndex(api.office.database, api.office.time)
    api.loop.run(lambda: index.opened(session_of(ALICE, "session-live")))
    assert hoop(api, "alice", "kill", "session-live").exit_code == 1
    done = hoop(api, "olga", "kill", "session-live", "--reason", "over", "--json")
    assert json.loads(done.output) == {"ended": "session-live"}
    from twisted_hoop.store.sessions import ordered_ends

    assert api.office.database.read_now(ordered_ends) == {"session-live": "over"}
    assert hoop(api, "olga", "kill", "session-gone").exit_code == 1
    assert hoop(api, "olga", "kill", "../etc").exit_code == 2


def test_one_session_is_followed_to_its_end(api: Api) -> None:
    shown = hoop(api, "carol", "watch", RECORDED)
    assert shown.exit_code == 0 and "select" in shown.output and "\x1b]0" not in shown.output
    entries = [json.loads(line) for line in hoop(api, "carol", "watch", RECORDED, "--json").output.splitlines()]
    assert entries[0]["kind"] == "open" and entries[-1]["kind"] == "close"
    assert hoop(api, "alice", "watch", RECORDED).exit_code == 1
