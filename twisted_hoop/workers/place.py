"""What a worker is told by its parent, in its environment: which one it is, and what it has inherited."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = "HOOP_WORKER"
PARENT = 0
"""The worker's standard input: it ends when the parent does, however that came."""
REPORT = 3
"""The descriptor a worker reports on."""
FIRST = 4
"""The first descriptor of a listening socket."""


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker: `number` of `count`, from 0; `sockets` are (descriptor, address family) by the listener's name.

    `settings` is the file with the settings in force: the configuration file may have changed since, or be broken.
    """

    number: int
    count: int
    sockets: Mapping[str, tuple[int, int]]
    settings: str = ""

    def encode(self) -> str:
        """As the variable's value: ASCII JSON."""
        sockets = {name: list(each) for name, each in self.sockets.items()}
        return json.dumps({"number": self.number, "count": self.count, "sockets": sockets, "settings": self.settings})


def worker_of(environ: Mapping[str, str]) -> Worker | None:
    """Which worker this process is; None for one that is nobody's worker. ValueError for what no parent wrote."""
    text = environ.get(VARIABLE, "")
    if not text:
        return None
    try:
        found = json.loads(text)
        sockets = {str(name): (int(fd), int(family)) for name, (fd, family) in found["sockets"].items()}
        return Worker(int(found["number"]), int(found["count"]), sockets, str(found.get("settings", "")))
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as fault:
        raise ValueError(f"{VARIABLE} is for the gateway's own workers") from fault


def report(listeners: list[str]) -> bytes:
    """What a worker reports once it is ready: one line."""
    return json.dumps({"listeners": listeners}).encode("ascii") + b"\n"


def leaving() -> bytes:
    """What a worker reports that was asked to drain: one line."""
    return b'{"leaving":true}\n'


def read_report(line: bytes) -> list[str] | bool | None:
    """The inverse of both: the listeners of one that is ready, True for one that leaves; None for anything else."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    listeners = found.get("listeners")
    if isinstance(listeners, list) and all(isinstance(each, str) for each in listeners):
        return listeners
    return True if found.get("leaving") is True else None
