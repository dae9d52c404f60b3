"""Replicas that are killed, a store that crashes, under load: nothing acknowledged is lost; numbers printed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.integration.plans import RULES, target
from tests.integration.test_live_approvals import Waiting
from tests.integration.test_replicas import shared_store
from tests.integration.test_workers import alive
from tests.support.gateway import Gateway, Plan, running_gateway, start_gateway, wait_for
from tests.support.postgres import Server, running_postgres


class Load:
    """Clients that insert rows through a gateway, as fast as they can, and remember what was acknowledged."""

    def __init__(self, gateway: Gateway, table: str, name: str, clients: int) -> None:
        self._gateway, self._table = gateway, table
        self.acknowledged: set[str] = set()
        self.errors: list[str] = []
        self.reconnect = False
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(f"{name}-{number}",), daemon=True) for number in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, name: str) -> None:
        number = 0
        while not self._over.is_set():
            try:
                with psycopg.connect(self._gateway.dsn("shop"), autocommit=True) as connection:
                    while not self._over.is_set():
                        number += 1
                        word = f"{name}-{number}"
                        connection.execute(f"insert into {self._table} values ({number}, '{word}')")
                        self.acknowledged.add(word)
            except psycopg.Error as error:
                self.errors.append(str(error))
                if not self.reconnect:
                    return
                time.sleep(0.05)

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)


@contextmanager
def table(house: House, name: str) -> Iterator[str]:
    house.server.run(f"create table {name} (id int, note text)", house.database)
    house.server.run(f"alter table {name} owner to {LOGIN}", house.database)
    yield name


def stored(house: House, name: str) -> set[str]:
    return {row[0] for row in house.server.run(f"select note from {name}", house.database)}


def recorded(gateway: Gateway, name: str) -> set[str]:
    """The words of every command on that table that was recorded."""
    found = set()
    for each in gateway.library.list(limit=10_000):
        for entry in gateway.library.read(each.id):
            text = str(entry.get("text", ""))
            if entry["kind"] == "command" and name in text:
                found.add(text.rsplit("'", 2)[1])
    return found


def plan(house: House, store: str) -> Plan:
    return Plan(target("shop", house.server, house.database, LOGIN) + RULES + store, {"TARGET_PASSWORD": PASSWORD})


def test_R5_R15_one_of_two_replicas_is_killed_under_load(house: House, tmp_path: Path) -> None:
    """R5, R15: what was acknowledged is in the database and in a recording; the other replica notices nothing."""
    both = plan(house, shared_store(house))
    with (
        table(house, "killed_replica") as name,
        running_gateway(tmp_path / "one", both) as one,
        running_gateway(tmp_path / "two", both) as two,
    ):
        kept, lost = Load(one, name, "kept", 2), Load(two, name, "lost", 2)
        wait_for(lambda: len(kept.acknowledged) > 100 and len(lost.acknowledged) > 100, "load on both")
        two.kill()
        before = len(kept.acknowledged)
        wait_for(lambda: len(kept.acknowledged) > before + 100, "load that goes on")
        for load in (kept, lost):
            load.stop()
        assert kept.errors == [] and len(lost.errors) == 2
        there = stored(house, name)
        assert kept.acknowledged | lost.acknowledged <= there
    again = start_gateway(two.folder, both)
    try:
        told = recorded(one, name) | recorded(again, name)
        assert again.command("verify", "--state", str(again.state)).returncode == 0
        assert one.command("verify", "--state", str(one.state)).returncode == 0
    finally:
        again.stop()
    assert there <= told  # nothing reached the target without its record (R1)
    print(
        f"killed under load: {len(kept.acknowledged)} + {len(lost.acknowledged)} commands acknowledged,"
        f" {len(there)} ran, {len(told)} recorded, 0 lost"
    )


def crash(server: Server) -> None:
    """Kill one of its processes: PostgreSQL ends all others, recovers, and is back by itself."""
    (row,) = server.run("select pid from pg_stat_activity where backend_type = 'background writer'")
    os.kill(row[0], signal.SIGKILL)


def answers(server: Server) -> bool:
    try:
        return bool(server.run("select 1"))
    except psycopg.Error:
        return False


def test_I9_A4_the_store_crashes_and_hangs_under_load_and_is_gone(house: House, tmp_path: Path) -> None:
    """I9, A4: sessions go on, nothing acknowledged is lost, and what needs the store is refused (fail closed)."""
    durable = ["synchronous_commit=on", "full_page_writes=on"]  # or a crash takes back what the store has promised
    with running_postgres(settings=durable) as own, table(house, "crashed_store") as name:
        own.create_database("store")
        url = f"postgresql://{own.user}:{own.password}@{own.host}:{own.port}/store"
        with running_gateway(tmp_path / "gateway", plan(house, f'[store]\nurl = "{url}"\n')) as gateway:
            load = Load(gateway, name, "on", 3)
            wait_for(lambda: len(load.acknowledged) > 100, "load")
            for _ in range(3):
                before = len(load.acknowledged)
                crash(own)
                wait_for(lambda before=before: len(load.acknowledged) > before + 50, "load that goes on")
                wait_for(lambda: answers(own), "the store")
            os.kill(own.process.pid, signal.SIGSTOP)  # and one that hangs, with whatever it was asked
            for each in _processes(own):
                os.kill(each, signal.SIGSTOP)
            before = len(load.acknowledged)
            wait_for(lambda: len(load.acknowledged) > before + 50, "load beside a store that hangs")
            for each in (*_processes(own), own.process.pid):
                os.kill(each, signal.SIGCONT)
            load.stop()
            assert load.errors == []
            assert load.acknowledged <= stored(house, name)
            _approvals_work_again(gateway)
            assert load.acknowledged <= recorded(gateway, name)
            wait_for(lambda: _in_the_index(gateway), "the rows of sessions, written later")
            told = f"{len(load.acknowledged)} commands acknowledged, 0 lost, 0 sessions ended"
            print(f"store crashed three times and hung once: {told}")
            with psycopg.connect(gateway.dsn("shop", "ann"), autocommit=True) as connection:
                _gone_for_good(gateway, own, connection)


def _gone_for_good(gateway: Gateway, own: Server, connection: psycopg.Connection[Any]) -> None:
    """Reviews are refused at once, new sessions as soon as a lock could have been missed; who is in goes on."""
    own.process.send_signal(signal.SIGQUIT)
    own.process.wait()
    waiting = Waiting(lambda: connection.execute("insert into held_rows values (901, 'gone')"))
    assert waiting.over(60) and waiting.error is not None
    assert alive(connection)
    began = time.monotonic()

    def refused() -> bool:
        try:
            psycopg.connect(gateway.dsn("shop", "ann")).close()
        except psycopg.OperationalError:
            return True
        return False

    wait_for(refused, "a shut door")
    print(f"nobody is let in {time.monotonic() - began:.0f} s after the store went; sessions go on")
    assert alive(connection)
    assert gateway.api("GET", "/readyz").status == 503


def _processes(server: Server) -> list[int]:
    path = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(each) for each in path.read_text().split()]


def _in_the_index(gateway: Gateway) -> bool:
    """Every session that was recorded, and none of the load's lives there for ever."""
    rows = gateway.api("GET", "/v1/sessions?limit=500", "carol").json.get("sessions", [])
    over = {row["id"] for row in rows if row["state"] != "live"}
    return {each.id for each in gateway.library.list(limit=500)} <= over


def _approvals_work_again(gateway: Gateway) -> None:
    wait_for(lambda: gateway.api("GET", "/readyz").status == 200, "a gateway that is ready again")
    with psycopg.connect(gateway.dsn("shop", "ann"), autocommit=True) as connection:
        waiting = Waiting(lambda: connection.execute("insert into held_rows values (900, 'after')"))
        request: dict[str, Any] = gateway.pending("(900, 'after')")
        assert gateway.decide(request["id"]).status == 200
        waiting.end()
        assert alive(connection)
