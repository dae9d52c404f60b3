"""What 500 watchers of /v1/events cost the data path: `python benchmarks/watchers.py [--quick] [--json]`.

One session runs short queries through a real gateway, in turns with nobody watching and with watchers, who are auditors
and so see everything. While they watch, a session opens and closes every second: each change goes to all of them. The
readers are a process of their own. Throughput on a busy machine says little: compare `us CPU/query`, the gateway's own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import harness  # noqa: F401 - finds this checkout
import psycopg

from tests.support.gateway import PEOPLE, Gateway, Plan, running_gateway, token_of, wait_for
from tests.support.postgres import running_postgres

LIMIT = 5.0
"""Per cent of throughput that watching may cost."""
OF_ONE = 20
_RULES = """
[[rules]]
name = "all"
effect = "allow"
classes = ["read", "transaction", "session"]
"""
_TARGET = """
[[targets]]
name = "bench"
protocol = "postgres"
endpoint = "tcp:{host}:{port}"
database = "postgres"
login = "{user}"
secret = "env:PASSWORD"
tls = "disable"
groups = ["*"]
"""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--watchers", type=int, default=500)
    parser.add_argument("--hold", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


async def hold(port: int, count: int, names: list[str]) -> None:
    """Watch `count` times, and say "ready" once all answers have begun; until killed."""
    ready = asyncio.Semaphore(0)

    async def one(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        token = token_of(names[number // OF_ONE])
        writer.write(f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        if not (await reader.readline()).startswith(b"HTTP/1.1 200"):
            raise SystemExit("a watcher was refused")
        ready.release()
        while await reader.read(65536):
            pass

    tasks = []
    for number in range(count):
        tasks.append(asyncio.create_task(one(number)))
        if number % 50 == 49:
            await asyncio.sleep(0.05)
    for _ in range(count):
        await ready.acquire()
    print("ready", flush=True)
    await asyncio.gather(*tasks)


@contextmanager
def watching(gateway: Gateway, count: int, names: list[str]) -> Iterator[None]:
    """So many watchers, in a process of their own."""
    given = ["--hold", str(gateway.ports["api"]), str(count), ",".join(names)]
    process = subprocess.Popen([sys.executable, __file__, *given], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise SystemExit("the watchers did not begin")
        yield
    finally:
        process.kill()
        process.wait()
        wait_for(lambda: metric(gateway, "hoop_watchers") == 0, "the watchers to be gone")


def metric(gateway: Gateway, name: str) -> float:
    """One number of /metrics."""
    lines = gateway.api("GET", "/metrics").body.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + " "))


def cpu(gateway: Gateway) -> float:
    """Seconds of CPU the gateway has used."""
    fields = Path(f"/proc/{gateway.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def turn(gateway: Gateway, seconds: float) -> tuple[float, float]:
    """Queries a second, and microseconds of the gateway's CPU a query. A session comes and goes every second."""
    with psycopg.connect(gateway.dsn("bench"), autocommit=True) as connection:
        connection.execute("select 1")
        count, before, began = 0, cpu(gateway), time.perf_counter()
        other = began + 0.5
        while (now := time.perf_counter()) < began + seconds:
            connection.execute("select 1")
            count += 1
            if now >= other:
                psycopg.connect(gateway.dsn("bench")).close()
                other += 1.0
        taken = time.perf_counter() - began
        return count / taken, (cpu(gateway) - before) / count * 1e6


def idle(gateway: Gateway, seconds: float) -> float:
    """Per cent of a core the gateway uses while nothing but a session a second comes and goes."""
    before, began = cpu(gateway), time.perf_counter()
    while time.perf_counter() < began + seconds:
        psycopg.connect(gateway.dsn("bench")).close()
        time.sleep(1.0)
    return (cpu(gateway) - before) / (time.perf_counter() - began) * 100


def measure(gateway: Gateway, names: list[str], watchers: int, rounds: int, seconds: float) -> dict[str, float]:
    """The figures."""
    alone, watched = [], []
    quiet = [0.0, 0.0]
    turn(gateway, 1.0)
    for _ in range(rounds):
        alone.append(turn(gateway, seconds))
        quiet[0] += idle(gateway, seconds) / rounds
        with watching(gateway, watchers, names):
            watched.append(turn(gateway, seconds))
            quiet[1] += idle(gateway, seconds) / rounds
    speed = [statistics.median(each[0] for each in turns) for turns in (alone, watched)]
    cost = [statistics.median(each[1] for each in turns) for turns in (alone, watched)]
    return {
        "watchers": watchers,
        "queries/s alone": round(speed[0], 1),
        "queries/s watched": round(speed[1], 1),
        "throughput lost %": round((1 - speed[1] / speed[0]) * 100, 2),
        "us CPU/query alone": round(cost[0], 1),
        "us CPU/query watched": round(cost[1], 1),
        "CPU more %": round((cost[1] / cost[0] - 1) * 100, 2),
        "% of a core for watching": round(quiet[1] - quiet[0], 2),
    }


def main() -> None:
    """Measure and print."""
    given = arguments()
    if given.hold:
        asyncio.run(hold(int(given.hold[0]), int(given.hold[1]), given.hold[2].split(",")))
        return
    names = [f"watcher-{n}" for n in range(-(-given.watchers // OF_ONE))]
    people = {**PEOPLE, **dict.fromkeys(names, ("human", "auditors"))}
    with running_postgres(17) as server, tempfile.TemporaryDirectory() as folder:
        target = _TARGET.format(host=server.host, port=server.port, user=server.user)
        plan = Plan(target + _RULES, {"PASSWORD": server.password}, people=people)
        with running_gateway(Path(folder) / "gateway", plan) as gateway:
            rounds, seconds = (3, 3.0) if given.quick else (8, 10.0)
            found = measure(gateway, names, given.watchers, rounds, seconds)
    if given.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:>26}  {value}")
        print(f"{'limit':>26}  {LIMIT} % of throughput")


if __name__ == "__main__":
    main()
