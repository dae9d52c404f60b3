"""`hoop verify --state … --copies …`, on a folder and on a server that speaks S3."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import obstore
import pytest
from click.testing import CliRunner, Result

from tests.support.recordings import command, recorded
from tests.support.s3 import ACCESS, BUCKET, SECRET, Seaweed, bucket
from twisted_hoop.archive.storage import Storage
from twisted_hoop.cli.verify import verify

KEYS = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(verify, [str(argument) for argument in arguments], catch_exceptions=False, env=KEYS)


def test_S3_with_keys_of_the_environment(tmp_path: Path, seaweed: Seaweed) -> None:
    prefix = secrets.token_hex(6)
    store = bucket(seaweed.endpoint, prefix)
    path = recorded(tmp_path / "state", command())
    name = str(path.relative_to(tmp_path / "state" / "recordings"))
    where = (
        "--copies",
        f"s3://{BUCKET}/{prefix}",
        "--endpoint",
        seaweed.endpoint,
        "--region",
        "us-east-1",
        "--settled",
        0,
    )
    missing = run("--state", tmp_path / "state", *where)
    assert missing.exit_code == 1 and f"COPY missing  {name}" in missing.output
    Storage(store, 1 << 20).keep(path, name)
    well = run("--state", tmp_path / "state", *where)
    assert well.exit_code == 0 and "1 of 1 copies verify" in well.output, well.output
    data = bytearray(path.read_bytes())
    data[-30] ^= 1
    obstore.put(store, name, bytes(data))
    altered = run("--state", tmp_path / "state", *where, "--json")
    told = [json.loads(line) for line in altered.output.splitlines()]
    assert altered.exit_code == 1 and told[0]["ok"] and told[-1] == {"ok": False, "copies": 1, "verified": 0}
    assert told[-2]["copy"]["state"] == "altered" and told[-2]["copy"]["where"] == name


def test_a_folder_and_what_is_no_storage(tmp_path: Path) -> None:
    path = recorded(tmp_path / "state", command())
    name = str(path.relative_to(tmp_path / "state" / "recordings"))
    copy = tmp_path / "copies" / name
    copy.parent.mkdir(parents=True)
    copy.write_bytes(path.read_bytes())
    url = f"file://{tmp_path}/copies"
    assert run("--state", tmp_path / "state", "--copies", url).exit_code == 0
    nowhere = run("--state", tmp_path / "state", "--copies", f"file://{tmp_path}/nowhere")
    assert nowhere.exit_code == 1 and not (tmp_path / "nowhere").exists()
    assert run("--state", tmp_path / "state", "--copies", "gopher://x").exit_code == 1


@pytest.mark.parametrize("more", [(), ("--public-key", "recording.pub")])
def test_copies_go_with_a_state_folder(tmp_path: Path, more: tuple[str, ...]) -> None:
    path = recorded(tmp_path / "state", command())
    more = tuple(str(tmp_path / "state" / each) if each.endswith(".pub") else each for each in more)
    assert run(path, *more, "--copies", "file:///nowhere").exit_code == 2
