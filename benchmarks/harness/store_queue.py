"""The store under many replicas, simulated: every transaction by itself, cores that are busy, and what has to wait.

It shares the costs with `capacity.py`, and none of its formulas: replicas gather what begins and ends as the gateway
does, timers of replicas are not in step, and what finds no free core stands in a queue.
"""

from __future__ import annotations

import heapq
import random
from dataclasses import dataclass, field

from harness.capacity import WRITE_BEHIND, Costs, Demand


@dataclass(slots=True)
class Outcome:
    """`busy` is the mean number of cores at work; waits are seconds in the queue; `longest` is the queue's length."""

    busy: float = 0.0
    transactions: int = 0
    events: int = 0
    waits: list[float] = field(default_factory=list)
    longest: int = 0

    def wait(self, part: float) -> float:
        """A quantile of the waits."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


class Simulation:
    """See the module. `cores` of the store serve one transaction each, in the order they came."""

    def __init__(self, demand: Demand, costs: Costs, cores: int, seed: int = 1) -> None:
        self._demand, self._costs = demand, costs
        self._random = random.Random(seed)
        self._free = [0.0] * cores
        self._gathered: dict[int, int] = {}
        self._events: list[tuple[float, int, str, int]] = []
        self._number = 0
        self._out = Outcome()
        self._work = 0.0
        self._pending: list[float] = []

    def run(self, seconds: float) -> Outcome:
        """That many seconds of the busiest hour."""
        self._timers()
        self._at(self._random.expovariate(self._demand.rate), "begins", 0)
        while self._events and self._events[0][0] < seconds:
            now, _, kind, replica = heapq.heappop(self._events)
            self._out.events += 1
            getattr(self, "_" + kind)(now, replica)
        self._out.busy = self._work / seconds
        return self._out

    def _timers(self) -> None:
        for replica in range(self._demand.replicas):
            for kind, every in (("look", 1.0), ("sweep", 5.0), ("beat", 5.0)):
                self._at(self._random.random() * every, kind, replica)

    def _at(self, when: float, kind: str, replica: int) -> None:
        self._number += 1
        heapq.heappush(self._events, (when, self._number, kind, replica))

    def _serve(self, now: float, mean: float) -> None:
        """One transaction: what it takes varies as half of it always, half by chance."""
        takes = mean / 2 + self._random.expovariate(2 / mean)
        begins = max(now, heapq.heappop(self._free))
        heapq.heappush(self._free, begins + takes)
        self._out.transactions += 1
        self._out.waits.append(begins - now)
        self._work += takes
        self._pending = [each for each in self._pending if each > now] + [begins] if begins > now else []
        self._out.longest = max(self._out.longest, len(self._pending))

    def _look(self, now: float, replica: int) -> None:
        self._serve(now, self._costs.look)
        self._at(now + 1.0, "look", replica)

    def _sweep(self, now: float, replica: int) -> None:
        self._serve(now, self._costs.sweep)
        self._at(now + 5.0, "sweep", replica)

    def _beat(self, now: float, replica: int) -> None:
        self._serve(now, self._costs.beat)
        self._at(now + 5.0, "beat", replica)

    def _begins(self, now: float, _: int) -> None:
        demand = self._demand
        self._at(now + self._random.expovariate(demand.rate), "begins", 0)
        replica = self._random.randrange(demand.replicas)
        self._gather(now, replica)
        self._serve(now, demand.commands * self._costs.index)  # of a session that ends, as one begins
        # In a steady hour as many end as begin: each beginning stands for an end at another moment.
        self._at(now + self._random.random() * 60, "ends", replica)
        if self._random.random() < demand.approvals:
            self._serve(now, self._costs.approval + 3 * demand.replicas * self._costs.word)

    def _ends(self, now: float, replica: int) -> None:
        self._gather(now, replica)

    def _gather(self, now: float, replica: int) -> None:
        if replica not in self._gathered:
            self._gathered[replica] = 0
            self._at(now + WRITE_BEHIND, "write", replica)
        self._gathered[replica] += 1

    def _write(self, now: float, replica: int) -> None:
        rows = self._gathered.pop(replica)
        self._serve(now, self._costs.rows + rows * self._costs.row)
