"""Several workers on one machine, on SQLite: one gateway to everybody. Real processes, real clients."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.integration.plans import RULES, target
from tests.integration.test_live_approvals import Waiting
from tests.support.gateway import Gateway, Plan, running_gateway, wait_for

MOST = 3
"""Sessions on the target `few`."""
Pair = dict[int, "psycopg.Connection[Any]"]


def plan(house: House, more: str = "") -> Plan:
    text = target("shop", house.server, house.database, LOGIN) + target("few", house.server, house.database, LOGIN)
    text += f"[targets.limits]\nsessions_per_principal = {MOST}\n" + RULES + more
    return Plan(text, {"TARGET_PASSWORD": PASSWORD}, workers=2)


@pytest.fixture(scope="module")
def gateway(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway of two workers."""
    with running_gateway(tmp_path_factory.mktemp("workers"), plan(house)) as running:
        yield running


def processes(gateway: Gateway) -> dict[int, int]:
    """Worker's number → its process, as the log told last."""
    return {line["number"]: line["process"] for line in gateway.lines() if "process" in line}


def owner(gateway: Gateway, connection: psycopg.Connection[Any]) -> int:
    """The number of the worker that has the other end of a connection."""
    with socket.fromfd(connection.fileno(), socket.AF_INET, socket.SOCK_STREAM) as ours:
        remote, local = ours.getsockname()[1], ours.getpeername()[1]
    wanted = (f":{local:04X}", f":{remote:04X}")
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    inode = next(line[9] for line in lines if line[1].endswith(wanted[0]) and line[2].endswith(wanted[1]))
    for number, process in processes(gateway).items():
        for descriptor in Path(f"/proc/{process}/fd").iterdir():
            if os.path.lexists(descriptor) and os.readlink(descriptor) == f"socket:[{inode}]":
                return number
    raise AssertionError("no worker has it")


@pytest.fixture
def pair(gateway: Gateway) -> Iterator[Pair]:
    """A connection to each of the two workers: the kernel decides which, so as many are tried as it takes."""
    found: Pair = {}

    def both() -> bool:
        connection = psycopg.connect(gateway.dsn("shop", "ann"), autocommit=True)
        if found.setdefault(owner(gateway, connection), connection) is not connection:
            connection.close()
        return len(found) == 2

    wait_for(both, "a connection to each worker")
    yield found
    for connection in found.values():
        connection.close()


def alive(connection: psycopg.Connection[Any]) -> bool:
    try:
        return connection.execute("select 1").fetchone() == (1,)
    except psycopg.Error:
        return False


def test_p6_cancel_works_whichever_worker_gets_it(gateway: Gateway, pair: Pair) -> None:
    """P6: each cancel request is a connection of its own, which the kernel gives to any worker."""
    for connection in [*pair.values()] * 3:
        running = Waiting(lambda connection=connection: connection.execute("select pg_sleep(60)"))

        def cancelled(connection: psycopg.Connection[Any] = connection, running: Waiting = running) -> bool:
            connection.cancel_safe()
            return running.over(0.2)

        wait_for(cancelled, "the end of the statement")
        with pytest.raises(psycopg.errors.QueryCanceled):
            running.end()
    wait_for(lambda: all(alive(connection) for connection in pair.values()), "sessions that go on")


def test_A8_decided_at_any_worker(gateway: Gateway, pair: Pair) -> None:
    """A8: asked at each worker in turn, decided wherever the API's connection went."""
    took = []
    for number, connection in pair.items():
        text = f"insert into held_rows values ({700 + number}, 'workers')"
        waiting = Waiting(lambda connection=connection, text=text: connection.execute(text))
        request = gateway.pending(f"({700 + number},")
        began = time.monotonic()
        assert gateway.decide(request["id"]).status == 200
        waiting.end()
        took.append(time.monotonic() - began)
    print("from the decision to the released client:", ", ".join(f"{each * 1000:.0f} ms" for each in took))


def test_I9_a_lock_ends_sessions_at_every_worker(gateway: Gateway, pair: Pair) -> None:
    """I9: and nobody opens another one at either, until it is lifted."""
    assert gateway.command("lock", "--group", "developers", "--reason", "stand back", who="olga").returncode == 0
    began = time.monotonic()
    for connection in pair.values():
        wait_for(lambda connection=connection: not alive(connection), "the end of the session")
    print(f"ended {(time.monotonic() - began) * 1000:.0f} ms after the command was back")
    for _ in range(6):
        with pytest.raises(psycopg.OperationalError, match=r"authentication failed|stand back"):
            psycopg.connect(gateway.dsn("shop", "ann"))
    assert gateway.command("unlock", "--group", "developers", who="olga").returncode == 0

    def open_again() -> bool:
        try:
            psycopg.connect(gateway.dsn("shop", "ann")).close()
        except psycopg.OperationalError:
            return False
        return True

    for _ in range(6):
        wait_for(open_again, "an open door")


def test_R13_all_workers_reload(house: House, gateway: Gateway, pair: Pair) -> None:
    """R13: one policy everywhere, and sessions go on under it."""
    more = '[[rules]]\nname = "another"\neffect = "deny"\ntables = ["nowhere.*"]\n'
    gateway.reload(plan(house, more), "the workers were told to reload")

    def versions() -> set[str]:
        return {each["policy"] for each in gateway.api("GET", "/v1/replicas", "olga").json["replicas"]}

    before = versions()
    wait_for(lambda: (len(versions()) == 1 and versions() != before) or len(before) == 1, "one policy")
    assert all(alive(connection) for connection in pair.values())


def test_R15_kill_9_of_one_worker_leaves_the_others_sessions(gateway: Gateway, pair: Pair) -> None:
    """R15, R5: its sessions are closed as interrupted by the worker that comes in its place."""
    (dead, lost), (kept, other) = sorted(pair.items())

    def listed() -> bool:  # rows are written some moments behind
        return len(gateway.api("GET", "/v1/sessions?state=live", "carol").json["sessions"]) >= 2

    wait_for(listed, "both sessions in the list")
    before = processes(gateway)
    (gateway.folder / "hoop.toml").write_text("broken")  # R13: what is in force stays, for those that come later too
    os.kill(before[dead], signal.SIGKILL)
    assert alive(other)
    wait_for(lambda: not alive(lost), "the end of the dead worker's session")
    wait_for(lambda: processes(gateway)[dead] != before[dead], "another worker", gateway.process)
    assert processes(gateway)[kept] == before[kept] and alive(other)

    def interrupted() -> bool:
        rows = gateway.api("GET", "/v1/sessions?state=closed&limit=500", "carol").json["sessions"]
        return any(row["outcome"] == "interrupted" for row in rows)

    wait_for(interrupted, "the interrupted session in the list")
    ended = [each for each in gateway.library.list(limit=2000) if each.outcome == "interrupted"]
    assert ended
    fresh = [psycopg.connect(gateway.dsn("shop", "ann"), autocommit=True) for _ in range(8)]
    assert all(alive(connection) for connection in fresh)
    for connection in fresh:
        connection.close()
    report = gateway.command("verify", "--state", str(gateway.state))
    assert report.returncode == 0, report.stdout + report.stderr


def test_I10_a_cap_holds_for_all_workers(gateway: Gateway, pair: Pair) -> None:
    """I10: whichever worker is asked, once each knows of the others' sessions; and what ended makes room."""
    held: list[psycopg.Connection[Any]] = []

    def full() -> bool:
        """Eight in a row are refused; the kernel gives them to either worker. Too many are closed again."""
        try:
            for _ in range(8):
                held.append(psycopg.connect(gateway.dsn("few", "ann"), autocommit=True))
        except psycopg.OperationalError as fault:
            assert "the most it may have" in str(fault)
        while len(held) > MOST:
            held.pop().close()
        return len(held) == MOST and all(_refused(gateway) for _ in range(8))

    wait_for(full, "a cap that holds at both workers")
    held.pop().close()
    wait_for(lambda: not _refused(gateway), "room for another")
    for connection in held:
        connection.close()


def _refused(gateway: Gateway) -> bool:
    try:
        psycopg.connect(gateway.dsn("few", "ann")).close()
    except psycopg.OperationalError as fault:
        return "the most it may have" in str(fault)
    return False


def test_one_scrape_tells_of_all_workers(gateway: Gateway, pair: Pair) -> None:
    """Whichever worker answers."""
    for connection in pair.values():
        assert alive(connection)

    def told() -> bool:
        text = gateway.api("GET", "/metrics").body.decode()
        return all(f'hoop_sessions_open{{worker="{number}",target="shop"}}' in text for number in pair)

    for _ in range(6):
        wait_for(told, "the sessions of both workers")


def test_a_worker_that_is_drained_is_replaced_and_nobody_waits(gateway: Gateway, pair: Pair) -> None:

    def both() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = gateway.api("GET", "/v1/replicas", "olga").json["replicas"]
        return found if len(found) == 2 else []

    replicas = wait_for(both, "both replicas, and none that is dead")
    done = gateway.command("drain", replicas[0]["id"], "--reason", "new version", who="olga")
    assert done.returncode == 0, done.stderr

    def replaced() -> bool:
        now = {each["id"] for each in gateway.api("GET", "/v1/replicas", "olga").json["replicas"]}
        return replicas[0]["id"] not in now and len(now) == 2

    wait_for(replaced, "another replica in its place")
    wait_for(lambda: sum(alive(connection) for connection in pair.values()) == 1, "one session left")
    with psycopg.connect(gateway.dsn("shop", "ann")) as fresh:
        assert alive(fresh)


def test_workers_of_a_killed_parent_stop(gateway: Gateway) -> None:
    """The last test of this gateway."""
    workers = [*processes(gateway).values()]
    gateway.kill()
    wait_for(lambda: not any(_runs(process) for process in workers), "the end of the workers")
    told = [line for line in gateway.lines() if str(line["message"]).startswith("the parent of this worker is gone")]
    assert len(told) == 2


def _runs(process: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
