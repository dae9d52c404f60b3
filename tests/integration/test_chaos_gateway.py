"""A gateway that is killed again and again under load, and one whose disk fills up: nothing acknowledged is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.integration.plans import RULES, target
from tests.integration.test_chaos_replicas import recorded, stored, table
from tests.support.chaos import kill_rounds
from tests.support.gateway import Gateway, Plan, running_gateway, wait_for

ROUNDS = 6
"""`python benchmarks/chaos.py` does fifty."""
MIB = 1 << 20


def plan(house: House, more: str = "") -> Plan:
    text = target("shop", house.server, house.database, LOGIN) + RULES + more
    return Plan(text, {"TARGET_PASSWORD": PASSWORD})


def test_R5_R15_a_gateway_is_killed_again_and_again_under_load(house: House, tmp_path: Path) -> None:
    """R5, R15: after each kill -9 the recordings are closed as interrupted, verify, and have every command."""
    with table(house, "killed_gateway") as name:
        told = kill_rounds(tmp_path / "gateway", plan(house), name, ROUNDS)
        there = stored(house, name)
    assert told.acknowledged <= there <= told.recorded  # nothing reached the target without its record (R1)
    assert told.interrupted >= ROUNDS
    print(told)


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Path]:
    """A file system of its own, of that size."""
    folder.mkdir(parents=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m,mode=0700", "tmpfs", str(folder)], capture_output=True, text=True
    )
    if made.returncode != 0 and not os.environ.get("CI"):
        pytest.skip(f"no small disk to be had without being root: {made.stderr.strip()}")
    assert made.returncode == 0, made.stderr
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, left: int) -> None:
    """Leave that many bytes."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with (disk / "filler").open("ab") as file:
        file.write(bytes(max(0, free - left)))


def refusal(gateway: Gateway) -> str:
    try:
        psycopg.connect(gateway.dsn("shop")).close()
    except psycopg.OperationalError as error:
        return str(error)
    return ""


def until_it_ends(connection: psycopg.Connection[tuple[object, ...]], name: str) -> tuple[set[str], str]:
    """What was acknowledged until the session ended, and the last error."""
    acknowledged: set[str] = set()
    for number in range(100_000):
        word = f"full-{number}"
        try:
            connection.execute(f"insert into {name} values ({number}, '{word}') /* {'x' * 2000}{number} */")
        except psycopg.Error as error:
            return acknowledged, str(error)
        acknowledged.add(word)
    raise AssertionError("a full disk ends no session")


def test_R1_R5_a_disk_that_fills_up(house: House, tmp_path: Path) -> None:
    """R1, R5: nobody is let in, who is in is ended with a clear error, nothing is cut; room again, and it goes on."""
    with small_disk(tmp_path / "gateway" / "state", 48) as disk, table(house, "full_disk") as name:
        with running_gateway(tmp_path / "gateway", plan(house, "[recording]\nminimum_free = 4\n")) as gateway:
            with psycopg.connect(gateway.dsn("shop"), autocommit=True) as connection:
                connection.execute(f"insert into {name} values (0, 'first')")
                fill(disk, 3 * MIB)
                assert "are free for recordings" in wait_for(lambda: refusal(gateway), "a shut door")
                connection.execute(f"insert into {name} values (0, 'second')")  # who is in has room yet
                fill(disk, 0)
                acknowledged, error = until_it_ends(connection, name)
            assert "record" in error, error
            acknowledged |= {"first", "second"}
            assert acknowledged <= stored(house, name)
            (disk / "filler").unlink()
            wait_for(lambda: not refusal(gateway), "an open door")
            with psycopg.connect(gateway.dsn("shop"), autocommit=True) as connection:
                connection.execute(f"insert into {name} values (0, 'after')")
        with running_gateway(tmp_path / "gateway", plan(house)) as again:
            assert again.command("verify", "--state", str(again.state)).returncode == 0
            assert stored(house, name) | acknowledged <= recorded(again, name)
    print(f"disk full: {len(acknowledged)} commands acknowledged, 0 lost; the session ended: {error.splitlines()[0]}")
