"""`hoop sessions search`, over the API and in files."""

from __future__ import annotations

import json

from click.testing import CliRunner, Result

from tests.support.api import Api
from tests.support.recordings import command, recorded
from twisted_hoop.archive.indexer import read_on
from twisted_hoop.cli.sessions import sessions
from twisted_hoop.recording.library import Library


def run(*arguments: str) -> Result:
    return CliRunner().invoke(sessions, ["search", *arguments], env={"COLUMNS": "200"})


def test_both_find_the_same(api: Api) -> None:
    recorded(api.state, *(command(f"drop table t{number}") for number in range(450)), name="session-0002")
    assert isinstance(api.parts.recordings, Library)
    read_on(api.office.database, api.parts.recordings, "session-0002")
    where = ("--url", api.url, "--token", api.token("carol"))
    query = ("drop", "session:session-0002", "--json", "--limit", "430")
    remote, local = run(*query, *where), run(*query, "--state", str(api.state))
    assert remote.exit_code == local.exit_code == 0
    assert remote.output == local.output and len(remote.output.splitlines()) == 430
    assert json.loads(remote.output.splitlines()[0])["text"] == "drop table t449"


def test_a_table_for_people(api: Api) -> None:
    recorded(api.state, command("drop\n  table x"), name="session-0002")
    output = run("drop", "--state", str(api.state)).output
    assert "drop table x" in output and "session-0002" in output and "alice via agent-7" in output


def test_what_is_no_query_says_why(api: Api) -> None:
    for where in (("--state", str(api.state)), ("--url", api.url, "--token", api.token("carol"))):
        result = run("user:x", *where)
        assert result.exit_code == 1 and "no user:" in result.output
