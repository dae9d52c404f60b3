"""What the gateway costs on PostgreSQL: speed, added latency, CPU and memory, against direct and other proxies.

    python benchmarks/postgres.py [--quick] [--json] [--only PATTERN] [--rounds N]

Variants: `direct`; `pgbouncer` (session mode, when it is on PATH); `dumb proxy` (Twisted's stock transports, nothing
else); `bare relay` (our transport and reactor, nothing else: the floor); `hoop` (policy and recording on);
`hoop masked` (the same with one masked column that the query reads); `hoop tls` (TLS from the client, compared with
`direct tls`; the target's leg is in the clear everywhere). They take turns within one run; compare ratios, not figures
of different runs. CPU is the proxy's own, from the scheduler.
`--quick` takes less than a minute and has fewer transactions and rows. `--only` is a regular expression on works.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable

import harness  # noqa: F401 - finds this checkout
from harness.bulk import bulk
from harness.memory import idle, slow_reader
from harness.pgbench import pgbench
from harness.pure import plans
from harness.queries import latency, lineage
from harness.rows import Work, as_json, as_line, heading
from harness.world import World, world


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--only", default="", metavar="PATTERN", help="works whose name matches")
    parser.add_argument("--rounds", type=int, default=0, metavar="N", help="turns of each variant")
    parser.add_argument("--sessions", type=int, default=0, metavar="N", help="idle sessions (default 2000, quick 100)")
    return parser.parse_args()


def works(place: World, given: argparse.Namespace, sessions: int) -> Iterable[Work]:
    """Every work there is."""
    quick, rounds = given.quick, given.rounds
    many, few = rounds or (12 if quick else 150), rounds or (1 if quick else 5)
    yield from latency(place, many)
    yield from lineage(place, many)
    yield from plans(1000 if quick else 10_000)
    yield from pgbench(place, few, quick)
    yield from bulk(place, few)
    yield from idle(place, sessions)
    yield from slow_reader(place, 1.0 if quick else 5.0)


def main() -> None:
    """Measure and print."""
    given = arguments()
    show = as_json if given.json else as_line
    sessions = given.sessions or (100 if given.quick else 2000)
    with world(100_000 if given.quick else 1_000_000, sessions) as place:
        for note in place.missing:
            print(f"# {note}", file=sys.stderr)
        if not given.json:
            print(heading(" ".join(["python benchmarks/postgres.py", *sys.argv[1:]])))
        for name, work in works(place, given, sessions):
            for row in work() if re.search(given.only, name) else ():
                print(show(row), flush=True)


if __name__ == "__main__":
    main()
