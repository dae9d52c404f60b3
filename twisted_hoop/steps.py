"""What a relay asks for: a closed union. The bridge carries the steps out in order, and the order is the guarantee.

Those of every command have an `__init__` that is written out: compiled, it costs a tenth of the one dataclasses make.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Union

from twisted_hoop.model import Command, Entry, Outcome

Side = Literal["client", "target"]


@dataclass(frozen=True, slots=True, init=False)
class Ask:
    """Let the gate judge `command`; the answer comes to `IRelay.decided`. At most one is outstanding."""

    command: Command

    def __init__(self, command: Command) -> None:
        object.__setattr__(self, "command", command)


@dataclass(frozen=True, slots=True)
class Refresh:
    """What the relay knows of its target is stale; `IRelay.refreshed` continues. Counts as an outstanding question."""


@dataclass(frozen=True, slots=True, init=False)
class Record:
    """Write `entry` before anything that follows in the list is carried out."""

    entry: Entry

    def __init__(self, entry: Entry) -> None:
        object.__setattr__(self, "entry", entry)


@dataclass(frozen=True, slots=True, init=False)
class ToClient:
    """Bytes for the client, or whatever else the `write` of its transport takes."""

    data: Any

    def __init__(self, data: Any) -> None:
        object.__setattr__(self, "data", data)


@dataclass(frozen=True, slots=True, init=False)
class ToTarget:
    """Bytes for the target, or whatever else the `write` of its transport takes."""

    data: Any

    def __init__(self, data: Any) -> None:
        object.__setattr__(self, "data", data)


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The client gave up waiting: take back the outstanding review."""

    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """End the session once what was written has left."""

    outcome: Outcome


Step = Union[Ask, Refresh, Record, ToClient, ToTarget, Withdraw, Finish]
