"""What the API needs of the rest of the program, given to it by the composition root."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from twisted_hoop.agent.registry_desk import AgentDesk
from twisted_hoop.approval.access import AccessDesk
from twisted_hoop.approval.desk import Desk
from twisted_hoop.archive.holds import Holds
from twisted_hoop.archive.index import Index
from twisted_hoop.archive.job import Job
from twisted_hoop.identity.own_issuer import OwnIssuer
from twisted_hoop.locking import LockDesk
from twisted_hoop.model import Principal, Session
from twisted_hoop.notify.deliveries import Deliveries
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import Settings
from twisted_hoop.store.database import Database
from twisted_hoop.store.reads import ReadLog
from twisted_hoop.store.sessions import SessionIndex
from twisted_hoop.web.feed import Feed
from twisted_hoop.web.ways import Ways


class LiveSessions(Protocol):
    """The sessions of this process; `twisted_hoop.sessions` has them."""

    def end_where(self, matches: Callable[[Session], bool], code: str, message: str, /) -> int:
        """End those that match, each with its protocol's goodbye; how many there were."""


class Recordings(Protocol):
    """The recordings. Blocks: it is used in threads only. `recording.library.Library` is one."""

    def read(self, session: str, /) -> Iterator[dict[str, Any]]:
        """The entries in order. UnknownRecording at once; RecordingDamaged after the last good entry."""


class Slack(Protocol):
    """Carries out what buttons say; `notify.slack_actions` does. Proves by itself who speaks (A9)."""

    async def actions(self, timestamp: str, signature: str, body: bytes, /) -> None:
        """One callback; AuthenticationFailed when it is not Slack's, or not for the first time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything the API stands on. `identity` provides IIdentityProvider, the one door (I8).

    `metrics` renders Prometheus text and may block; `index` finds commands; `retention` deletes recordings
    by rule, which `holds` forbid; `ways` tells clients how to get in;
    `auditors` and `operators` are groups; `authorities` are public keys of SSH: those that sign certificates of users
    and of hosts, and the gateway's own. `settings` and `policy` give those in force. `health` tells how the parts are,
    `unready` why no clients should be sent here. `slack` decides by buttons, where a channel is configured for it.
    `tell` tells the other replicas at once (`news.word`). `own` is the gateway's own issuer, where there is one.
    """

    identity: Any
    desk: Desk
    access: AccessDesk
    database: Database
    sessions: SessionIndex
    reads: ReadLog
    live: LiveSessions
    recordings: Recordings
    index: Index
    holds: Holds
    retention: Job
    metrics: Callable[[], bytes]
    ways: Ways
    settings: Callable[[], Settings]
    policy: Callable[[], RulePolicy]
    locks: LockDesk
    feed: Feed
    deliveries: Deliveries
    health: Callable[[], Awaitable[dict[str, Any]]]
    unready: Callable[[], Awaitable[list[str]]]
    slack: Slack | None = None
    agents: AgentDesk | None = None
    tell: Callable[[str, str], None] = lambda kind, value: None
    own: Callable[[], OwnIssuer | None] = lambda: None
    auditors: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()
    authorities: tuple[str, ...] = ()

    def audits(self, principal: Principal) -> bool:
        """Whether the principal may read recordings and see everybody's sessions.

        R2, I8: in person, or as the program it is. Who acts for an auditor is none: a reading must name who read.
        """
        return not principal.chain and bool(principal.groups & self.auditors)

    def operates(self, principal: Principal) -> bool:
        """Whether the principal may end sessions, lock, and see metrics; like `audits`, not by acting for somebody."""
        return not principal.chain and bool(principal.groups & self.operators)

    def approver_groups(self) -> frozenset[str]:
        """Groups that some rule, mask or target names as approvers, as loaded."""
        settings = self.settings()
        found = {group for rule in settings.rules for group in rule.approvers}
        found |= {group for mask in settings.masks for group in mask.approvers}
        return frozenset(found | {group for target in settings.targets for group in target.request_approvers})
