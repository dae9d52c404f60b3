"""What the API needs of the rest of the program, given to it by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from twisted_hoop.approval.desk import Desk
from twisted_hoop.model import Principal, Session
from twisted_hoop.store.database import Database
from twisted_hoop.store.reads import ReadLog
from twisted_hoop.store.sessions import SessionIndex
from twisted_hoop.web.ways import Ways


class LiveSessions(Protocol):
    """The sessions of this process; `twisted_hoop.sessions` has them."""

    def end_where(self, matches: Callable[[Session], bool], code: str, message: str, /) -> int:
        """End those that match, each with its protocol's goodbye; how many there were."""


class Recordings(Protocol):
    """The recordings. Blocks: it is used in threads only. `recording.library.Library` is one."""

    def read(self, session: str, /) -> Iterator[dict[str, Any]]:
        """The entries in order. UnknownRecording at once; RecordingDamaged after the last good entry."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything the API stands on. `identity` provides IIdentityProvider, the one door (I8).

    `metrics` renders Prometheus text and may block; `ways` tells clients how to get in; `auditors` and
    `operators` are groups; `authorities` are public keys of SSH: those that sign certificates of users
    and of hosts, and the gateway's own.
    """

    identity: Any
    desk: Desk
    database: Database
    sessions: SessionIndex
    reads: ReadLog
    live: LiveSessions
    recordings: Recordings
    metrics: Callable[[], bytes]
    ways: Ways
    auditors: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()
    authorities: tuple[str, ...] = ()

    def audits(self, principal: Principal) -> bool:
        """Whether the principal may read recordings and see everybody's sessions."""
        return bool(principal.groups & self.auditors)

    def operates(self, principal: Principal) -> bool:
        """Whether the principal may end sessions and see metrics."""
        return bool(principal.groups & self.operators)


def registry_metrics(registry: Any) -> Callable[[], bytes]:
    """`Parts.metrics` of a prometheus_client CollectorRegistry."""
    from prometheus_client import generate_latest

    return lambda: generate_latest(registry)
