"""What a session of any protocol needs of the rest of the gateway."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from twisted_hoop.bridge import Meter
from twisted_hoop.interfaces import IApprover, IGate, IPolicy, IRecorder
from twisted_hoop.model import Outcome, Session
from twisted_hoop.sessions import Sessions

HallT = TypeVar("HallT")

SessionObserver = Callable[[Session, "Outcome | None", int], None]
"""Told of a session twice: when it opens (no outcome), and when it is over, with how many commands it had."""


def no_objection(session: Session) -> str:
    """Every session may open."""
    return ""


@dataclass(frozen=True, slots=True)
class Services(Generic[HallT]):
    """See the module. `hall` and `policy` are asked for anew each time: a reload changes them.

    `objection` tells why a session may not open although policy lets it: a lock, an identity that is no longer valid
    (for those that open long after the log-in); "" when nothing stands against it.
    """

    reactor: Any
    gate: IGate
    policy: Callable[[], IPolicy]
    masks: Callable[[Session], frozenset[str]]
    hall: Callable[[str], HallT]
    recorder: IRecorder
    approver: IApprover
    sessions: Sessions
    observe: SessionObserver
    meter: Meter | None = None
    objection: Callable[[Session], str] = no_objection
