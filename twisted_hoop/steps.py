"""What a relay asks for: a closed union. The bridge carries the steps out in order, and the order is the guarantee."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Union

from twisted_hoop.model import Command, Entry, Outcome

Side = Literal["client", "target"]


@dataclass(frozen=True, slots=True)
class Ask:
    """Let the gate judge `command`; the answer comes to `IRelay.decided`. At most one is outstanding."""

    command: Command


@dataclass(frozen=True, slots=True)
class Refresh:
    """What the relay knows of its target is stale; `IRelay.refreshed` continues. Counts as an outstanding question."""


@dataclass(frozen=True, slots=True)
class Record:
    """Write `entry` before anything that follows in the list is carried out."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class ToClient:
    """Bytes for the client."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ToTarget:
    """Bytes for the target."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Withdraw:
    """The client gave up waiting: take back the outstanding review."""

    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """End the session once what was written has left."""

    outcome: Outcome


Step = Union[Ask, Refresh, Record, ToClient, ToTarget, Withdraw, Finish]
