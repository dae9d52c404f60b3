"""Medians, percentiles, and the CPU of the process between."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from harness.rows import Row


class Counted(Protocol):
    """What costs something: a process, or several."""

    def cpu(self) -> float: ...

    def reset_peak(self) -> None: ...

    def peak_mb(self) -> float: ...


class Variant(Protocol):
    """What takes a turn: a name, and the process whose cost is counted, if there is one."""

    @property
    def name(self) -> str: ...

    @property
    def process(self) -> Counted | None: ...


V = TypeVar("V", bound=Variant)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


@dataclass(slots=True)
class Samples:
    """What was seen of one variant: durations in seconds, units done, CPU seconds of its process, peak memory."""

    times: list[float] = field(default_factory=list)
    units: int = 0
    cpu: float = 0.0
    peak: float = 0.0


def take_turns(
    variants: Sequence[Variant], rounds: int, turn: Callable[[Variant, Samples], None]
) -> dict[str, Samples]:
    """Every variant has its turn in every round, so that whatever else the machine does hits all of them alike.

    `turn` adds times and units; CPU and peak memory are read around it.
    """
    seen = {variant.name: Samples() for variant in variants}
    for number in range(rounds):
        shift = number % len(variants)  # nobody is always first
        for variant in (*variants[shift:], *variants[:shift]):
            _turn(variant, seen[variant.name], turn)
    return seen


def _turn(variant: V, samples: Samples, turn: Callable[[V, Samples], None]) -> None:
    process = variant.process
    before = process.cpu() if process is not None else 0.0
    if process is not None:
        process.reset_peak()
    turn(variant, samples)
    if process is not None:
        samples.cpu += process.cpu() - before
        samples.peak = max(samples.peak, process.peak_mb())


def timed(call: Callable[[], object]) -> float:
    """Seconds."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def latency_rows(work: str, seen: dict[str, Samples], unit: str = "us p50") -> Iterable[Row]:
    """Rows for works whose times are single answers; the first variant is what the others are compared with."""
    base = next(iter(seen.values())).times
    p50, p99 = percentile(base, 0.5), percentile(base, 0.99)
    for number, (name, samples) in enumerate(seen.items()):
        own50, own99 = percentile(samples.times, 0.5), percentile(samples.times, 0.99)
        added = (None, None) if number == 0 else ((own50 - p50) * 1e6, (own99 - p99) * 1e6)
        yield Row(work, name, own50 * 1e6, unit, p50 / own50, *added, _cpu(samples), _peak(samples))


def speed_rows(work: str, seen: dict[str, Samples], unit: str) -> Iterable[Row]:
    """Rows for works whose times are whole runs: the median run, and its speed against the first variant's.

    Runs are compared within their round: what else the machine did then hit both.
    """
    base = next(iter(seen.values())).times
    for name, samples in seen.items():
        speed = samples.units / len(samples.times) / statistics.median(samples.times)
        ratio = statistics.median(before / own for before, own in zip(base, samples.times, strict=True))
        yield Row(work, name, speed, unit, ratio, None, None, _cpu(samples), _peak(samples))


def _cpu(samples: Samples) -> float | None:
    return samples.cpu / samples.units * 1e6 if samples.cpu and samples.units else None


def _peak(samples: Samples) -> float | None:
    return samples.peak or None
