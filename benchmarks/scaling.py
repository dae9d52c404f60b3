"""What saturates first: sessions a day and replicas, from measured costs, held against a simulation of the store.

    python benchmarks/scaling.py [--quick] [--json] [--cost NAME=VALUE ...]

The store's costs are measured here, on a real PostgreSQL, as CPU of its processes. Those of sessions, commands and
bytes are what `benchmarks/postgres.py` and `benchmarks/ssh.py` print; give others with --cost. For each combination,
the model says how much of each part is used in the busiest hour, and the simulation plays a part of that hour through.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from harness.capacity import Costs, Demand, Machines, recorded, shares, store_work
from harness.store_costs import ledger_cost, measured
from harness.store_queue import Simulation

SESSIONS = (10_000, 100_000, 1_000_000)
REPLICAS = (1, 10, 100, 1000)
FULL = 0.7
"""From here on a part is called full: queues grow fast beyond."""


def main() -> None:
    """Measure, calculate, simulate, print."""
    given = arguments()
    times = 200 if given.quick else 2000
    costs = measured(Costs(), times)
    with tempfile.TemporaryDirectory() as folder:
        costs = replace(costs, ledger=ledger_cost(Path(folder), times))
    costs = replace(costs, **{name: float(value) for name, value in (each.split("=") for each in given.cost)})
    machines = Machines(store_cores=given.store_cores, store_connections=given.store_connections)
    if not given.json:
        print(
            "costs:", ", ".join(f"{name} {value * 1e6:,.1f} µs" for name, value in asdict(costs).items() if value < 1)
        )
        print(f"the store has {machines.store_cores:.0f} cores and {machines.store_connections} connections\n")
    for sessions in SESSIONS:
        for replicas in REPLICAS:
            row(Demand(sessions, replicas), costs, machines, 20.0 if given.quick else 120.0, given.json)


def row(demand: Demand, costs: Costs, machines: Machines, seconds: float, as_json: bool) -> None:
    """One combination."""
    found = shares(demand, costs, machines)
    model = sum(store_work(demand, costs).values())
    played = Simulation(demand, costs, int(machines.store_cores)).run(seconds)
    if as_json:
        told = {share.part: round(share.used, 4) for share in found}
        simulated = {"store_cores": played.busy, "wait_p99_ms": played.wait(0.99) * 1000, "queue": played.longest}
        print(json.dumps({**asdict(demand), "model_store_cores": model, "shares": told, "simulated": simulated}))
        return
    print(f"{demand.sessions:,} sessions a day, {demand.replicas} replicas: {demand.rate:.2f} begin a second")
    for share in found:
        advice = f"  FULL: add {share.add}" if share.used > FULL else ""
        print(f"  {share.used:7.1%}  {share.part}: {share.told}{advice}")
    print(
        f"  the store: {model:.3f} cores by the model, {played.busy:.3f} simulated"
        f" ({played.transactions:,} transactions in {seconds:.0f} s,"
        f" p99 of waiting {played.wait(0.99) * 1000:.2f} ms, queue at most {played.longest});"
        f" {recorded(demand, costs) / 1e9:,.1f} GB of recordings a day\n"
    )


def arguments() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the measuring, a sixth of the simulating")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--cost", action="append", default=[], metavar="NAME=VALUE", help="seconds, see capacity.Costs")
    parser.add_argument("--store-cores", type=float, default=8.0)
    parser.add_argument("--store-connections", type=int, default=500)
    return parser.parse_args()


if __name__ == "__main__":
    main()
