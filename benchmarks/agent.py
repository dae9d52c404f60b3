"""What an agent between gateway and target costs: latency, speed, CPU, against the same target without one.

    python benchmarks/agent.py [--quick] [--json] [--only PATTERN] [--rounds N]

`hoop` is the gateway before a PostgreSQL server, `agent` the same server by way of an agent on this machine: TLS, and
inside it SSH channels; `… tls` with TLS to the target, which the gateway speaks through the agent. They take turns
within one run, and `ratio` and `+p50` are against `hoop` of the same run; CPU is that of gateway and agent together.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import count

import harness  # noqa: F401 - finds this checkout
from harness.agent_world import Way, agent_world
from harness.measure import Samples, latency_rows, speed_rows, take_turns, timed
from harness.rows import Row, Work, as_json, as_line, heading

_BLOCK = 20


def point_queries(ways: Sequence[Way], rounds: int) -> dict[str, Samples]:
    """One connection, one small query after another."""
    wires = {way.name: way.connect() for way in ways}
    numbers = count(1)
    for wire in wires.values():
        for _ in range(_BLOCK):
            wire.simple("select 0")

    def turn(way: Way, samples: Samples) -> None:
        wire = wires[way.name]
        samples.times += [timed(lambda: wire.simple(f"select {next(numbers) % 1000}")) for _ in range(_BLOCK)]
        samples.units += _BLOCK

    seen = take_turns(ways, rounds, turn)
    for wire in wires.values():
        wire.close()
    return seen


def bulk(ways: Sequence[Way], rounds: int) -> dict[str, Samples]:
    """A whole table to one client; units are MiB."""
    wires = {way.name: way.connect() for way in ways}

    def turn(way: Way, samples: Samples) -> None:
        sizes: list[int] = []
        samples.times.append(timed(lambda: sizes.append(wires[way.name].stream("select * from bench_rows")[0])))
        samples.units += sizes[0] >> 20

    seen = take_turns(ways, rounds, turn)
    for wire in wires.values():
        wire.close()
    return seen


def works(ways: Sequence[Way], rounds: int, quick: bool) -> Iterable[Work]:
    """Every work there is."""
    for pair, suffix in ((ways[:2], ""), (ways[2:], " tls")):
        yield f"point query{suffix}", partial(_latency, f"point query{suffix}", pair, rounds or (15 if quick else 200))
        yield f"bulk{suffix}", partial(_speed, f"bulk{suffix}", pair, rounds or (3 if quick else 11))


def _latency(name: str, pair: Sequence[Way], rounds: int) -> Iterable[Row]:
    return latency_rows(name, point_queries(pair, rounds))


def _speed(name: str, pair: Sequence[Way], rounds: int) -> Iterable[Row]:
    return speed_rows(name, bulk(pair, rounds), "MiB/s")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--only", default="", metavar="PATTERN", help="works whose name matches")
    parser.add_argument("--rounds", type=int, default=0, metavar="N", help="turns of each way")
    given = parser.parse_args()
    if not given.json:
        print(heading(" ".join(["python benchmarks/agent.py", *sys.argv[1:]])))
    with agent_world(200_000 if given.quick else 1_000_000) as ways:
        for name, work in works(ways, given.rounds, given.quick):
            for row in work() if re.search(given.only, name) else ():
                print(as_json(row) if given.json else as_line(row), flush=True)


if __name__ == "__main__":
    main()
