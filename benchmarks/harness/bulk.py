"""Works of many rows: SELECT and COPY of one table, through a raw reader and through psql."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from harness.measure import Samples, speed_rows, take_turns, timed
from harness.pgbench import program
from harness.rows import Work
from harness.world import Variant, World

_SELECT = "select * from bench_rows"
_COPY = "copy bench_rows to stdout"


Run = Callable[[Variant], object]


def bulk(world: World, rounds: int) -> Iterable[Work]:
    """Rows a second, and CPU for each row."""
    size = f"{world.rows // 1_000_000}M" if world.rows >= 1_000_000 else f"{world.rows // 1000}k"
    plain = world.named("direct", "pgbouncer", "dumb proxy", "bare relay", "hoop")
    for name, sql in (("select", _SELECT), ("copy", _COPY)):
        read = partial(_read, sql)
        yield _work(f"{name} {size}", plain, rounds, read, world.rows)
        yield _work(f"{name} {size} masked", world.named("direct", "hoop masked"), rounds, read, world.rows)
        yield _work(f"{name} {size} tls", world.named("direct tls", "hoop tls"), rounds, read, world.rows)
    yield _work(f"psql copy {size}", world.named("direct", "hoop", "hoop masked"), rounds, _psql, world.rows)


def _work(name: str, variants: Sequence[Variant], rounds: int, run: Run, rows: int) -> Work:
    return name, lambda: speed_rows(name, take_turns(variants, rounds, _turn(run, rows)), "rows/s")


def _turn(run: Run, rows: int) -> Callable[[Variant, Samples], None]:
    def turn(variant: Variant, samples: Samples) -> None:
        samples.times.append(timed(lambda: run(variant)))
        samples.units += rows

    return turn


def _read(sql: str, variant: Variant) -> None:
    wire = variant.connect()
    wire.stream(sql)
    wire.close()


def _psql(variant: Variant) -> None:
    command = [str(program("psql")), "-X", "-q", "-c", _COPY, "-o", "/dev/null"]
    subprocess.run(command, env=variant.environment(), check=True, stdout=subprocess.DEVNULL)
