"""What recording costs: the same gateway with and without, in turns. `python benchmarks/recorded.py [--quick] [--json]`

Works: pgbench -S with eight clients, simple and prepared; a gigabyte of output over SSH, zeros, random bytes and text.
Variants: `unrecorded` keeps nothing, `unsearched` records and indexes nothing, `hoop` does both. `ratio` is the speed
against `unrecorded`, the median of the rounds; `cpu` the gateway's for a transaction or a gigabyte.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import harness  # noqa: F401 - finds this checkout
from harness.pgbench import work
from harness.rows import COLUMNS, Work, as_json, as_line, heading
from harness.ssh_works import download
from harness.ssh_world import GCM, Running
from harness.ssh_world import Variant as SshVariant
from harness.world import UNRECORDED, UNSEARCHED, without, world

from tests.support.ssh_gateway import ALLOW, SshPlace, ssh_gateway

_LINE = "Nov 22 10:00:01 web-1 sshd[4711]: Accepted publickey for alice from 192.0.2.7 port 40001"
_SHOWN = (*COLUMNS[:1], "cpu_s_per_gb", *COLUMNS[3:])


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--rounds", type=int, default=0, metavar="N", help="turns of each variant")
    return parser.parse_args()


def selects(folder: Path, stack: ExitStack, rounds: int, quick: bool) -> Iterator[Work]:
    """PostgreSQL."""
    made = stack.enter_context(world(1000, 20))
    lacking = (("unrecorded", UNRECORDED), ("unsearched", UNSEARCHED))
    variants = [without(name, program, made, folder / name, stack) for name, program in lacking]
    variants += made.named("hoop")
    each = str(500 if quick else 5000)
    for mode in ("simple", "prepared"):
        yield work(f"{mode} c8", variants, rounds, ["-M", mode, "-c", "8", "-t", each])


def streams(folder: Path, stack: ExitStack, rounds: int, quick: bool) -> Iterator[Work]:
    """SSH."""
    size = 100_000_000 if quick else 1_000_000_000
    programs = {"unrecorded": UNRECORDED, "unsearched": UNSEARCHED, "hoop": ""}
    variants = [
        _variant(name, stack.enter_context(ssh_gateway(folder / name, ALLOW, program=program)))
        for name, program in programs.items()
    ]
    noise = folder / "noise"
    with noise.open("wb") as file:
        for _ in range(size // 1_000_000):
            file.write(os.urandom(1_000_000))
    yield download("zeros", variants, rounds, f"head -c {size} /dev/zero", size)
    yield download("random", variants, rounds, f"cat {noise}", size)
    yield download("text", variants, rounds, f"yes '{_LINE}' | head -c {size}", size)


def _variant(name: str, place: SshPlace) -> SshVariant:
    return SshVariant(name, ("ssh", *place.options(), *GCM, "direct"), Running(place.gateway.process.pid))


def main() -> None:
    """Measure and print."""
    given = arguments()
    rounds = given.rounds or (1 if given.quick else 5)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hoop-bench-")))
        (folder / "pg").mkdir()
        if not given.json:
            print(heading("python benchmarks/recorded.py", _SHOWN))
        for part in (selects(folder / "pg", stack, rounds, given.quick), streams(folder, stack, rounds, given.quick)):
            for _, each in part:
                for row in each():
                    print(as_json(row) if given.json else as_line(row, _SHOWN), flush=True)


if __name__ == "__main__":
    main()
