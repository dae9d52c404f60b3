"""pgbench -S: PostgreSQL's own load generator, with its own client library."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from harness.measure import Samples, speed_rows, take_turns
from harness.rows import Work
from harness.world import Variant, World
from twisted_hoop.demo.database import programs

_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_DONE = re.compile(r"actually processed: ([0-9]+)")


def pgbench(world: World, rounds: int, quick: bool) -> Iterable[Work]:
    """Each protocol with one client and with eight, and a connection for every transaction."""
    plain = world.named("direct", "pgbouncer", "dumb proxy", "bare relay", "hoop", "hoop masked")
    tls = world.named("direct tls", "hoop tls")
    for mode in ("simple", "extended", "prepared"):
        for clients in (1, 8):
            each = (4000 if quick else 12_000) // (clients if quick else 4)
            yield work(f"{mode} c{clients}", plain, rounds, ["-M", mode, "-c", str(clients), "-t", str(each)])
    yield work("prepared c1 tls", tls, rounds, ["-M", "prepared", "-c", "1", "-t", str(4000 if quick else 12_000)])
    reconnecting = ["-M", "simple", "-C", "-c", "1", "-t", str(20 if quick else 150)]
    yield work("connect c1", plain, rounds, reconnecting)
    yield work("connect c1 tls", tls, rounds, reconnecting)


def work(name: str, variants: Sequence[Variant], rounds: int, options: Sequence[str]) -> Work:
    """pgbench -S with these options."""
    return name, lambda: speed_rows(name, take_turns(variants, rounds, partial(_run, options)), "tps")


def _run(options: Sequence[str], variant: Variant, samples: Samples) -> None:
    command = [str(program("pgbench")), "-n", "-S", "-s", "1", *options]
    ran = subprocess.run(command, env=variant.environment(), capture_output=True, text=True, check=False)
    tps, done = _TPS.search(ran.stdout), _DONE.search(ran.stdout)
    if tps is None or done is None:
        raise RuntimeError(f"{variant.name}: {ran.stdout[-500:]}{ran.stderr[-500:]}")
    samples.units += int(done[1])
    samples.times.append(int(done[1]) / float(tps[1]))


def program(name: str) -> Path:
    """A client program of the PostgreSQL under test."""
    return programs(17) / name
