"""What a number of sessions asks of each part of a gateway of several replicas, and how much of it each part can give.

`Costs` are measured (seconds of CPU unless said otherwise), `Demand` is asked for, `shares` says how much of each part
is used: 1.0 is all of it. Arithmetic only; `store_queue.py` holds the store's part against a simulation.
"""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86_400.0
WRITE_BEHIND = 0.2
"""Seconds in which a replica gathers what began and ended (`store.sessions.DELAY`)."""
LOOKS, SWEEPS, BEATS = 1.0, 1 / 5, 1 / 5
"""Transactions a second of every replica that has nothing to do: following, expiring, holding its lease."""
CONNECTIONS = 5
"""To the store, of a replica: four for work, one that listens."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What one of each costs. Of the store: seconds of one of its cores; elsewhere: seconds of a replica's core."""

    session: float = 8e-3
    command: float = 105e-6
    """Carried, judged and recorded 85 µs (`benchmarks/postgres.py`, eight connections), indexed 20 (`indexing.py`)."""
    byte: float = 1 / 400e6
    replica_idle: float = 2e-3
    look: float = 0.6e-3
    sweep: float = 0.6e-3
    beat: float = 0.4e-3
    rows: float = 0.5e-3
    row: float = 0.08e-3
    approval: float = 8e-3
    word: float = 20e-6
    index: float = 47e-6
    """Of a command, at the store, when commands have little in common (`benchmarks/indexing.py --postgresql`)."""
    ledger: float = 0.1e-3
    entry: float = 0.2e3
    """Bytes of a recording, for an entry."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked. `peak` is the busiest hour over the mean; `approvals` are requests for each session."""

    sessions: float
    replicas: int
    commands: float = 50.0
    bytes: float = 200e3
    minutes: float = 10.0
    approvals: float = 0.02
    peak: float = 3.0

    @property
    def rate(self) -> float:
        """Sessions that begin in a second of the busiest hour."""
        return self.sessions / DAY * self.peak


@dataclass(frozen=True, slots=True)
class Machines:
    """What there is. `folder` is the number of replicas that share one folder of recordings, and so one ledger."""

    store_cores: float = 8.0
    store_connections: int = 500
    folder: int = 1


@dataclass(frozen=True, slots=True)
class Share:
    """One part: how much of it is used, and what to add when that is too much."""

    part: str
    used: float
    told: str
    add: str


def transactions(rate: float, replicas: int) -> float:
    """Of the index of sessions, a second: each replica writes what came within the delay at once."""
    each = 2 * rate / replicas
    return replicas * each / (1 + WRITE_BEHIND * each)


def store_work(demand: Demand, costs: Costs) -> dict[str, float]:
    """Cores of the store that each kind of work takes."""
    idle = demand.replicas
    return {
        "following": idle * LOOKS * costs.look,
        "expiring": idle * SWEEPS * costs.sweep,
        "leases": idle * BEATS * costs.beat,
        "sessions": transactions(demand.rate, demand.replicas) * costs.rows + 2 * demand.rate * costs.row,
        "indexing": demand.rate * demand.commands * costs.index,
        "approvals": demand.rate * demand.approvals * costs.approval,
        "words": demand.rate * demand.approvals * 3 * demand.replicas * costs.word,
    }


def shares(demand: Demand, costs: Costs, machines: Machines) -> list[Share]:
    """Every part, the fullest first."""
    rate, n = demand.rate, demand.replicas
    cpu = rate / n * (costs.session + demand.commands * costs.command + demand.bytes * costs.byte) + costs.replica_idle
    live = rate * demand.minutes * 60
    work = store_work(demand, costs)
    most = max(work, key=lambda name: work[name])
    ledger = rate / n * machines.folder * 2 * costs.ledger
    found = [
        Share("replicas' CPU", cpu, f"{cpu:.2f} of a core each, {live / n:,.0f} sessions live", "replicas or workers"),
        Share("store's CPU", sum(work.values()) / machines.store_cores, _told(work), _REMEDIES[most]),
        Share(
            "store's connections",
            n * CONNECTIONS / machines.store_connections,
            f"{n * CONNECTIONS:,}, {n:,} of them listening",
            "max_connections, or fewer and larger replicas: those that listen cannot be pooled",
        ),
        Share("a ledger", ledger, f"{rate / n * machines.folder * 2:.1f} lines/s", "a folder for each replica"),
    ]
    return sorted(found, key=lambda share: -share.used)


_REMEDIES = {
    "following": "a larger store, or fewer and larger replicas: each looks once a second",
    "expiring": "a larger store, or fewer and larger replicas",
    "leases": "a larger store, or fewer and larger replicas",
    "sessions": "a larger store; pool connections at clients",
    "approvals": "a larger store",
    "indexing": "a larger store",
    "words": "fewer and larger replicas: every word goes to all",
}


def _told(work: dict[str, float]) -> str:
    largest = sorted(work.items(), key=lambda each: -each[1])[:2]
    return f"{sum(work.values()):.2f} cores, " + ", ".join(f"{name} {cores:.2f}" for name, cores in largest)


def recorded(demand: Demand, costs: Costs) -> float:
    """Bytes of recordings a day, before they are packed: commands and outcomes."""
    return demand.sessions * demand.commands * 2 * costs.entry
