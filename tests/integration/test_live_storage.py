"""A gateway whose object storage comes late: sessions do not notice, nothing is lost, and what left is read again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import obstore
import psycopg
import pytest

from tests.integration.conftest import LOGIN, PASSWORD, make_shop
from tests.integration.plans import house_plan
from tests.support.gateway import Gateway, Plan, running_gateway, wait_for
from tests.support.postgres import Server
from tests.support.s3 import ACCESS, SECRET, Seaweed, bucket, free_ports

_STORAGE = """
[recording.storage]
url = "s3://recordings/hoop"
endpoint = "http://127.0.0.1:{port}"
region = "us-east-1"
access_key = "env:S3_ACCESS"
secret_key = "env:S3_SECRET"
every = "0.2s"
segment = 1
spool = 1
"""


@pytest.fixture
def weed(tmp_path: Path) -> Iterator[Seaweed]:
    """Chosen, not started."""
    server = Seaweed(tmp_path / "weed", free_ports())
    server.folder.mkdir()
    yield server
    server.stop()


def plan(server: Server, weed: Seaweed) -> Plan:
    found = house_plan(server, make_shop(server, "storage_shop"), LOGIN, PASSWORD)
    environ = {**found.environ, "S3_ACCESS": ACCESS, "S3_SECRET": SECRET}
    storage = _STORAGE.format(port=weed.ports[0])
    return Plan(storage + found.text, environ, found.stop_timeout)


def run(gateway: Gateway, name: str, commands: int) -> str:
    dsn = gateway.dsn("shop", more=f"sslmode=disable application_name={name}")
    with psycopg.connect(dsn, autocommit=True) as connection:
        for _ in range(commands):
            connection.execute(f"select id from orders where id = 1 /* {secrets.token_hex(20_000)} */")
    return gateway.session_of(name)


def stored(weed: Seaweed) -> list[str]:
    return [each["path"] for some in obstore.list(bucket(weed.endpoint, "hoop")) for each in some]


def is_stored(weed: Seaweed, session: str) -> bool:
    return any(session in name for name in stored(weed))


def there(gateway: Gateway, session: str) -> bool:
    return any(gateway.library.folder.glob(f"*/*/*/{session}.hoop"))


def entries(gateway: Gateway, session: str) -> list[Any]:
    answer = gateway.api("GET", f"/v1/sessions/{session}/entries", "carol")
    return list(answer.json["entries"]) if answer.status == 200 else []


def test_down_and_back_and_read_again(postgres: Server, weed: Seaweed, tmp_path: Path) -> None:
    """R5: nothing acknowledged is lost while storage is down; what left the folder is told by the ledger, and read."""
    with running_gateway(tmp_path / "gateway", plan(postgres, weed)) as gateway:
        first = [run(gateway, f"stored-{number}", 30) for number in range(3)]
        gateway.logged("recordings cannot be stored now")
        weed.start()
        gateway.logged("object storage answers again")
        for session in first:
            wait_for(partial(is_stored, weed, session), f"the copy of {session}")
        wait_for(lambda: not there(gateway, first[0]), "the oldest to leave")
        assert entries(gateway, first[0])[0]["kind"] == "open"
        report = gateway.command("verify", "--state", str(gateway.state))
        assert report.returncode == 0 and "in object storage" in report.stdout, report.stdout
