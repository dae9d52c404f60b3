"""Commands as a recording has them, and rules to judge them by."""

from __future__ import annotations

from typing import Any

from twisted_hoop.rehearsal.judging import Judge
from twisted_hoop.rehearsal.recorded import Recorded, commands
from twisted_hoop.settings import RuleSection, Settings, TargetSection

STARTED = 1_790_000_000.0
OPEN: dict[str, Any] = {
    "kind": "open",
    "started": STARTED,
    "target": "shop",
    "protocol": "postgres",
    "principal": {
        "issuer": "https://ci",
        "subject": "bot",
        "name": "bot",
        "groups": ["ci"],
        "kind": "machine",
        "chain": [{"issuer": "https://ci", "subject": "agent"}],
    },
}


def target(name: str, protocol: str, **more: Any) -> TargetSection:
    return TargetSection(name=name, protocol=protocol, endpoint="tcp:h:1", **{"groups": ["ci"], **more})  # type: ignore[arg-type]


TARGETS = [
    target("shop", "postgres"),
    target("web", "ssh"),
    target("api", "http"),
    target("shut", "postgres", groups=["x"]),
]


def judge(*rules: dict[str, Any]) -> Judge:
    return Judge(Settings(targets=TARGETS, rules=[RuleSection(**rule) for rule in rules]))


def entry(text: str, action: str = "query", **more: Any) -> dict[str, Any]:
    return {"kind": "command", "t": 2.5, "action": action, "text": text, "decision": "allow", "rule": "old", **more}


def one(made: dict[str, Any], **about: Any) -> Recorded:
    (found,) = commands("session-1", [{**OPEN, **about}, made, {"kind": "outcome", "command": 1}])
    return found


CAT: dict[str, Any] = {"name": "cat", "effect": "review", "programs": ["cat"], "approvers": ["ops"]}
READS: dict[str, Any] = {"name": "reads", "effect": "allow", "classes": ["read"]}
