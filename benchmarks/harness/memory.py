"""Works about memory: sessions that do nothing, and a client that does not read."""

from __future__ import annotations

import time
from collections.abc import Iterable

from harness.rows import Row, Work
from harness.world import Variant, World


def idle(world: World, sessions: int) -> Iterable[Work]:
    """KiB of the gateway for each session that is open and does nothing: both legs, policy and recording."""
    name = f"idle {sessions}"
    yield name, lambda: (_idle(world, name, each, sessions) for each in ("dumb proxy", "hoop", "hoop tls"))


def _idle(world: World, work: str, name: str, sessions: int) -> Row:
    with world.alone(name) as variant:
        assert variant.process is not None
        wires = [variant.connect() for _ in range(10)]  # what is loaded once is not counted
        before = variant.process.resident_kb()
        wires += [variant.connect() for _ in range(sessions)]
        time.sleep(0.3)
        grown = variant.process.resident_kb() - before
        for wire in wires:
            wire.close()
        return Row(work, name, grown / sessions, "KB/session", peak_mb=variant.process.peak_mb())


def slow_reader(world: World, seconds: float) -> Iterable[Work]:
    """Peak memory while a client has asked for twenty times the big table and reads nothing."""
    variants = world.named("dumb proxy", "hoop", "hoop masked", "hoop tls")
    yield "slow reader", lambda: (_slow(each, seconds) for each in variants)


def _slow(variant: Variant, seconds: float) -> Row:
    assert variant.process is not None
    wire = variant.connect()
    variant.process.reset_peak()
    before = variant.process.resident_kb() / 1024
    wire.begin_stream("select * from bench_rows, generate_series(1, 20)")
    time.sleep(seconds)
    peak = variant.process.peak_mb()
    wire.close()
    return Row("slow reader", variant.name, peak - before, "MB grown", peak_mb=peak)
