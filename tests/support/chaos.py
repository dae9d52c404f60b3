"""Gateways that are killed under load, round after round; for tests and for benchmarks/chaos.py."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.test_chaos_replicas import Load, recorded
from tests.support.gateway import Plan, start_gateway, wait_for

CLIENTS = 3
LEAST = 30
"""Commands acknowledged in a round before it is killed, at least."""


@dataclass
class Told:
    """What all rounds together showed."""

    rounds: int = 0
    acknowledged: set[str] = field(default_factory=set)
    recorded: set[str] = field(default_factory=set)
    interrupted: int = 0
    """Sessions whose recording the next start closed."""

    def __str__(self) -> str:
        lost = len(self.acknowledged - self.recorded)
        return (
            f"{self.rounds} times killed under load: {len(self.acknowledged)} commands acknowledged,"
            f" {len(self.recorded)} recorded, {lost} lost; {self.interrupted} recordings closed as interrupted"
        )


def kill_rounds(folder: Path, plan: Plan, table: str, rounds: int) -> Told:
    """Start, load, kill -9 at some moment, start again …; the last start looks at what is there."""
    told, chance = Told(), random.Random(rounds)
    for number in range(rounds):
        gateway = start_gateway(folder, plan)
        load = Load(gateway, table, f"round{number}", CLIENTS)
        wait_for(lambda load=load: len(load.acknowledged) > LEAST, "load")
        time.sleep(chance.random() / 10)  # any moment: within a command, a segment, a transaction of the index
        gateway.kill()
        load.stop()
        told.acknowledged |= load.acknowledged
        told.rounds += 1
    gateway = start_gateway(folder, plan)
    try:
        verified = gateway.command("verify", "--state", str(gateway.state))
        assert verified.returncode == 0, verified.stdout[-2000:] + verified.stderr[-2000:]
        told.recorded = recorded(gateway, table)
        told.interrupted = sum(_interrupted(gateway, each.id) for each in gateway.library.list(limit=10_000))
    finally:
        gateway.stop()
    return told


def _interrupted(gateway: object, ident: str) -> bool:
    entries = list(gateway.library.read(ident))  # type: ignore[attr-defined]
    return bool(entries) and "interrupted" in str(entries[-1])
