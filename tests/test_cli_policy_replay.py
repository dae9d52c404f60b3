"""`hoop policy replay`, over a folder of real recordings and over the API."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.support.api import RECORDED, Api
from tests.support.approvals import ALICE, session_of
from tests.support.recordings import command, outcome, recorded
from twisted_hoop.cli.main import cli
from twisted_hoop.model import Entry
from twisted_hoop.store.sessions import SessionIndex

TARGET = """
[[targets]]
name = "shop"
protocol = "postgres"
endpoint = "tcp:127.0.0.1:5432"
groups = ["dev"]
tls = "disable"
login = "app"
database = "shop"
"""
READS = '[[rules]]\nname = "reads"\neffect = "allow"\nclasses = ["read"]\n'
WRITES = '[[rules]]\nname = "writes"\neffect = "{}"\nclasses = ["write"]\n'


def written(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(TARGET + text)
    return str(folder / name)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Two sessions of now, one of long ago."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    write = command("delete from orders", tables=["public.orders"], rule="writes")
    refused = {**command("drop table orders").data, "decision": "deny", "code": "denied", "rule": ""}
    recorded(folder, command("select 1", tables=[]), outcome(), write, name="session-one", started=time.time() - 60)
    recorded(folder, write, Entry("refused", refused), name="session-two", started=time.time() - 50)
    recorded(folder, *[write] * 9, name="session-old", started=time.time() - 40 * 86400)
    return folder


def replay(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["policy", "replay", *arguments])


def test_what_would_change_is_told_with_examples(state: Path, tmp_path: Path) -> None:
    new = written(tmp_path, "new.toml", READS + WRITES.format("review") + 'approvers = ["dba"]\n')
    ran = replay("--state", str(state), new)
    assert ran.exit_code == 1
    assert "4 commands of 2 sessions: 0 newly denied, 2 newly reviewed, 0 newly allowed, 2 as before" in ran.output
    assert "newly reviewed on shop: 2 of 1 people" in ran.output and "delete from orders" in ran.output
    assert "was allow by rule writes, is review by rule writes" in ran.output


def test_json_is_for_programs(state: Path, tmp_path: Path) -> None:
    new = written(tmp_path, "new.toml", READS)
    ran = replay("--state", str(state), "--since", "1h", "--json", "--examples", "1", new)
    found: dict[str, Any] = json.loads(ran.output)
    assert found["new"] == {"denied": 2, "reviewed": 0, "allowed": 0} and ran.exit_code == 1
    assert (found["sessions"], found["commands"], found["same"]) == (2, 4, 2)
    (change,) = found["changes"]
    assert change["count"] == 2 and len(change["examples"]) == 1 and change["was_by"] == "writes"


def test_two_files_are_held_against_each_other(state: Path, tmp_path: Path) -> None:
    same = written(tmp_path, "same.toml", READS)
    assert replay("--state", str(state), "--old", same, same).exit_code == 0
    looser = written(tmp_path, "looser.toml", READS + WRITES.format("allow"))
    assert "2 newly allowed" in replay("--state", str(state), "--old", same, looser).output
    assert replay("--state", str(state), "--old", same, "--fail-on", "denied", looser).exit_code == 0
    assert replay("--state", str(state), "--old", same, "--fail-on", "allowed", looser).exit_code == 1
    assert replay("--state", str(state), "--since", "90d", "--old", same, looser, "--target", "other").exit_code == 0


def test_what_cannot_be_used_is_a_usage_error(state: Path, tmp_path: Path) -> None:
    bad = written(tmp_path, "bad.toml", "nonsense = 1\n")
    assert replay("--state", str(state), bad).exit_code == 2
    good = written(tmp_path, "good.toml", READS)
    assert replay("--state", str(state), "--since", "long", good).exit_code == 2
    assert replay("--state", str(tmp_path / "nowhere"), good).exit_code == 2


def test_a_damaged_recording_is_counted_and_the_others_are_judged(state: Path, tmp_path: Path) -> None:
    path = next((state / "recordings").rglob("session-one.hoop*"))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    ran = replay("--state", str(state), "--json", written(tmp_path, "new.toml", READS))
    found = json.loads(ran.output)
    assert found["sessions"] == 2 and sum(found["not_read"].values()) <= 1 and found["commands"] >= 2


def test_over_the_api_each_reading_is_recorded(api: Api, tmp_path: Path) -> None:
    """R2: and nobody but auditors reads."""
    new = written(tmp_path, "new.toml", READS)
    index = SessionIndex(api.office.database, api.office.time)
    api.loop.run(lambda: index.opened(session_of(ALICE, RECORDED)))
    where = {"HOOP_URL": api.url, "HOOP_TOKEN": api.token("carol")}
    ran = CliRunner().invoke(cli, ["policy", "replay", "--since", "36500d", "--json", new], env=where)
    found = json.loads(ran.output)
    assert found["sessions"] == 1 and found["commands"] >= 1, ran.output
    assert api.ask("GET", f"/v1/sessions/{RECORDED}/reads", "carol").json["reads"]
    mine = CliRunner().invoke(
        cli, ["policy", "replay", "--since", "1d", new], env={**where, "HOOP_TOKEN": api.token("alice")}
    )
    assert mine.output.startswith("0 commands")  # nobody but auditors reads, and alice has none of her own
