"""What a decision costs: `python benchmarks/policy.py [--quick] [--json]`. Fifty rules, microseconds per decision."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

from twisted_hoop.model import Command, Peer, Principal, Session, Target
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import RuleSection, Settings


def fifty_rules(timed: bool) -> list[RuleSection]:
    """Forty-nine denials that do not match, each by another key, and the permission that does."""
    kinds: list[dict[str, Any]] = [
        {"tables": [r"hr\..*", "public.secrets"]},
        {"classes": ["ddl", "privilege"]},
        {"columns": [r".*\.card_number"]},
        {"functions": ["pg_sleep", "lo_.*"]},
        {"flags": ["no-where"], "statements": ["delete", "update"]},
        {"groups": ["contractors"], "tables": [".*"]},
        {"access": ["write"], "tables": [r"audit\..*"]},
    ]
    hours = {"hours": "22:00-06:00"} if timed else {}
    rules = [{"name": f"deny-{n}", "effect": "deny", **kinds[n % len(kinds)], **hours} for n in range(49)]
    rules.append({"name": "read", "effect": "allow", "classes": ["read"], "tables": [r"public\..*"]})
    return [RuleSection.model_validate(rule) for rule in rules]


def command(number: int) -> Command:
    """A plain SELECT on a table of its own."""
    table = frozenset({f"public.orders{number}"})
    facts = {
        "class": frozenset({"read"}), "kind": frozenset({"select"}), "access": frozenset({"read"}), "table": table,
        "table_read": table, "schema": frozenset({"public"}),
        "column": frozenset({f"public.orders{number}.id", f"public.orders{number}.total"}),
    }  # fmt: skip
    return Command("sql", "select …", facts=(facts,))


def per_call(run: Callable[[int], object], calls: int) -> float:
    """Microseconds per call; the median of five turns."""
    turns = []
    for turn in range(5):
        started = time.perf_counter()
        for n in range(turn * calls, (turn + 1) * calls):
            run(n)
        turns.append((time.perf_counter() - started) / calls * 1e6)
    return round(statistics.median(turns), 2)


def measure(calls: int) -> dict[str, float]:
    """Every case: name → microseconds."""
    target = Target("shop", "postgres", "tcp:db:5432")
    session = Session("s", Principal("https://id", "alice", groups=frozenset({"dev"})), target, Peer("::1"), 0.0)
    plain, timed = (RulePolicy(Settings(rules=fifty_rules(flag))) for flag in (False, True))
    known, fresh = command(0), [command(n) for n in range(5 * min(calls, 1500))]
    few = min(calls, 1500)
    again = [Command("sql", "…", facts=({**known.facts[0], "kind": frozenset({f"k{n}"})},)) for n in range(5 * few)]
    return {
        "a statement seen before": per_call(lambda _: plain.decide(session, known), calls),
        "the same, all rules with hours": per_call(lambda _: timed.decide(session, known), calls),
        "a new statement, known names": per_call(lambda n: plain.decide(session, again[n]), few),
        "a statement never seen": per_call(lambda n: plain.decide(session, fresh[n]), few),
        "explained": per_call(lambda _: plain.explain(session, known), few),
        "compiling fifty rules": per_call(
            lambda _: RulePolicy(Settings(rules=fifty_rules(False))), max(2, calls // 2000)
        ),
    }


def main() -> None:
    """Print the table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    figures = measure(2000 if chosen.quick else 50000)
    if chosen.json:
        print(json.dumps(figures))
        return
    for name, figure in figures.items():
        print(f"{name:<34}{figure:>10.2f} µs")


if __name__ == "__main__":
    main()
