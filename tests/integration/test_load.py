"""Large and slow things through the gateway: its memory stays bounded, and other sessions are served meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import psycopg

from tests.integration.conftest import LOGIN, PASSWORD, House
from tests.integration.plans import MASKS, RULES, target
from tests.support import raw_client as raw
from tests.support.gateway import Gateway, Plan, running_gateway, token_of

ROW = 100_000
BOUND = 64 << 20
"""What a gateway may grow by, in bytes, while ten times as much passes through it or waits before it."""


def resident(gateway: Gateway) -> int:
    """Resident memory of the process, in bytes."""
    pages = Path(f"/proc/{gateway.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


def grown(gateway: Gateway, work: Callable[[], Any]) -> int:
    """By how much it is larger at its largest while `work` goes on."""
    before, stop, most = resident(gateway), threading.Event(), [0]

    def watch() -> None:
        while not stop.wait(0.02):
            most[0] = max(most[0], resident(gateway) - before)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        work()
    finally:
        stop.set()
        watching.join()
    return most[0]


def own(house: House, folder: Path) -> Any:
    """A gateway of the test's own: its memory is nobody else's."""
    section = target("shop", house.server, house.database, LOGIN)
    return running_gateway(folder, Plan(section + RULES + MASKS, {"TARGET_PASSWORD": PASSWORD}))


def test_P8_S9_a_client_that_stops_reading_costs_little(house: House, tmp_path: Path) -> None:
    """600 MB are asked for, masked columns among them, and nothing is read: the target is slowed down instead."""
    with own(house, tmp_path / "gateway") as gateway:
        slow = raw.connect("127.0.0.1", gateway.ports["pg"], "shop", "x", token_of("ci"))
        with psycopg.connect(gateway.dsn("shop"), autocommit=True) as other:
            other.execute("select 1")

            def work() -> None:
                rows = f"select repeat('x', {ROW}), card_number from customers, generate_series(1, 120)"
                slow.send(raw.query(rows))
                assert slow.next()[0] == "T"
                for _ in range(50):
                    assert other.execute("select count(*) from orders").fetchone() == (400,)
                    other.execute("select pg_sleep(0.02)")

            assert grown(gateway, work) < BOUND
        slow.wire.close()


def test_P8_a_large_result_passes_whole_in_little_memory(house: House, tmp_path: Path) -> None:
    with (
        own(house, tmp_path / "gateway") as gateway,
        psycopg.connect(gateway.dsn("shop"), autocommit=True) as connection,
    ):

        def work() -> None:
            sql = f"copy (select repeat('x', {ROW}), card_number from customers, generate_series(1, 40)) to stdout"
            size = 0
            with connection.cursor() as cursor, cursor.copy(sql) as copy:
                for piece in copy:
                    size += len(piece)
                    assert bytes(piece).endswith(b"\t\\N\n")  # a masked column of a query: its type is not told
            assert size > 2000 * ROW

        assert grown(gateway, work) < BOUND


def test_A7_S14_what_a_client_sends_behind_a_waiting_statement_is_held_back(house: House, tmp_path: Path) -> None:
    """A statement waits for people; 200 MB of further messages are pushed behind it, and none of them is run."""
    with own(house, tmp_path / "gateway") as gateway:
        client = raw.connect("127.0.0.1", gateway.ports["pg"], "shop", "x", token_of("ann"))
        client.wire.settimeout(1)
        client.send(raw.query("insert into held_rows values (500, 'first')"))
        request = gateway.pending("(500, 'first')")
        sent = [0]

        def work() -> None:
            flood = raw.query(f"insert into effects_of_flood select '{'y' * ROW}'")
            try:
                for _ in range(2000):
                    client.send(flood)
                    sent[0] += len(flood)
            except TimeoutError:
                pass

        assert grown(gateway, work) < BOUND
        assert sent[0] < BOUND
        assert gateway.decide(request["id"], "deny").status == 200
        client.wire.close()


def test_a_crowd_is_served(house: House) -> None:
    """Forty connections at once, each with its own answers."""

    async def one(number: int) -> list[int]:
        connection = await asyncpg.connect(house.gateway.url_of("shop", "bob"), ssl=False, timeout=30)
        try:
            return [await connection.fetchval("select $1::int * 1000 + $2::int", number, n) for n in range(20)]
        finally:
            await connection.close()

    async def crowd() -> list[list[int]]:
        return await asyncio.gather(*(one(number) for number in range(40)))

    assert asyncio.run(crowd()) == [[number * 1000 + n for n in range(20)] for number in range(40)]
