"""What the gateway costs on HTTP: latency and CPU of small requests, speed and memory of large answers.

    python benchmarks/http_apis.py [--quick] [--json] [--only PATTERN]

Variants: `direct` (nginx with TLS, serving files), `nginx` (as a reverse proxy, TLS on both sides), `hoop` (token
check, policy and recording on, TLS on both sides). They take turns within one run on one connection each; compare
ratios, not figures of different runs. `cpu_us` is the CPU of the process between for one request. nginx is needed.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
from collections.abc import Iterable

import harness  # noqa: F401 - finds this checkout
from harness.http_client import Client
from harness.http_world import HttpVariant, HttpWorld, http_world
from harness.measure import Samples, latency_rows, speed_rows, take_turns
from harness.rows import Row, as_json, as_line, heading


def small(world: HttpWorld, rounds: int, count: int) -> Iterable[Row]:
    """One kilobyte, again and again."""
    clients = {variant.name: Client(variant, world.context) for variant in world.variants}

    def turn(variant: HttpVariant, samples: Samples) -> None:
        client = clients[variant.name]
        for _ in range(count):
            began = time.perf_counter()
            client.get("/small.json")
            samples.times.append(time.perf_counter() - began)
        samples.units += count

    yield from latency_rows("small GET", take_turns(world.variants, rounds, turn))  # type: ignore[arg-type]
    for client in clients.values():
        client.close()


def large(world: HttpWorld, rounds: int) -> Iterable[Row]:
    """Fifty megabytes at once."""
    clients = {variant.name: Client(variant, world.context) for variant in world.variants}

    def turn(variant: HttpVariant, samples: Samples) -> None:
        began = time.perf_counter()
        size = clients[variant.name].get("/large.bin")
        samples.times.append(time.perf_counter() - began)
        samples.units += size // 1_000_000

    yield from speed_rows("answer 50MB", take_turns(world.variants, rounds, turn), "MB/s")  # type: ignore[arg-type]
    for client in clients.values():
        client.close()


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--only", default="", metavar="PATTERN", help="works whose name matches")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    given = arguments()
    if shutil.which("nginx") is None:
        sys.exit("nginx is needed, as what is compared with")
    with http_world() as world:
        if not given.json:
            print(heading(" ".join(["python benchmarks/http_apis.py", *sys.argv[1:]])))
        works = {
            "small GET": lambda: small(world, 3 if given.quick else 10, 500 if given.quick else 2000),
            "answer 50MB": lambda: large(world, 2 if given.quick else 7),
        }
        for name, work in works.items():
            for row in work() if re.search(given.only, name) else ():
                print(as_json(row) if given.json else as_line(row), flush=True)


if __name__ == "__main__":
    main()
