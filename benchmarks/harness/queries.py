"""Works of small queries: one connection's latency, and what a mask's lineage costs when it is new or known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count

from harness.measure import Samples, latency_rows, take_turns, timed
from harness.rows import Work
from harness.wire import Wire
from harness.world import Variant, World

_POINT = "select abalance from pgbench_accounts where aid = "
_JOIN = (
    "select a.aid, a.abalance, b.bbalance from pgbench_accounts a join pgbench_branches b on b.bid = a.bid "
    "where a.aid = 4711 and a.bid >= 0 limit {}"
)
_BLOCK = 20
"""Queries of one variant before the next has its turn."""


Ask = Callable[[Wire], object]


def latency(world: World, rounds: int) -> Iterable[Work]:
    """One connection, one point query after another: simple with new literals, and prepared."""
    plain = world.named("direct", "pgbouncer", "dumb proxy", "bare relay", "hoop", "hoop masked")
    for variants, suffix in ((plain, ""), (world.named("direct tls", "hoop tls"), " tls")):
        yield _work(f"latency simple{suffix}", variants, rounds, _simple())
        yield _work(f"latency prepared{suffix}", variants, rounds, _prepared())


def lineage(world: World, rounds: int) -> Iterable[Work]:
    """A join that reads a masked column: every text new (parsed, classified, lineage), or the same text again."""
    variants = world.named("direct", "hoop", "hoop masked")
    numbers = count(1)
    yield _work("lineage miss", variants, rounds, lambda wire: wire.simple(_JOIN.format(next(numbers))))
    yield _work("lineage hit", variants, rounds, lambda wire: wire.simple(_JOIN.format(1)))


def _work(name: str, variants: Sequence[Variant], rounds: int, ask: Ask) -> Work:
    return name, lambda: latency_rows(name, _blocks(variants, rounds, ask))


def _simple() -> Ask:
    numbers = count(1)
    return lambda wire: wire.simple(f"{_POINT}{next(numbers) % 100_000 + 1}")


def _prepared() -> Ask:
    numbers = count(1)
    return lambda wire: wire.prepared("p", str(next(numbers) % 100_000 + 1))


def _blocks(variants: Sequence[Variant], rounds: int, ask: Ask) -> dict[str, Samples]:
    wires = {variant.name: variant.connect() for variant in variants}
    for wire in wires.values():
        wire.prepare("p", _POINT + "$1")
        for _ in range(_BLOCK):
            ask(wire)

    def turn(variant: Variant, samples: Samples) -> None:
        wire = wires[variant.name]
        samples.times += [timed(lambda: ask(wire)) for _ in range(_BLOCK)]
        samples.units += _BLOCK

    seen = take_turns(variants, rounds, turn)
    for wire in wires.values():
        wire.close()
    return seen
