"""Which agents are connected where, for every replica: what happens here is written down, what others wrote is read.

Connections and their ends are written, and told, at once; how many streams they have, every few seconds. A row that the
store did not take is written again. What is known of others is at most a moment old; who is revoked stays revoked here
while the store is away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.model import AgentIdentity, AgentReport
from twisted_hoop.news.word import AGENTS
from twisted_hoop.settings import Settings
from twisted_hoop.store.agents import AgentTable, LinkRow, PeerRow, Shared, link_row

LOOK, WRITE, TIDY = 1.0, 5.0, 600.0
"""Seconds between looks at the store; between writing down what changed; between deletions of what is over."""
JUST_NOW = 0.2
"""Seconds a look is old at the most to be good enough for a stranger."""
KEPT = 30 * 86400.0
"""Seconds an installation stays in the store whose last certificate has ended."""


class Registry:
    """See the module. `replica` is this process's id; `tell` tells the other replicas that there is something to see.

    `struck` is called when somebody was revoked, so that live connections end at once; `looked` after every look.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        table: AgentTable,
        settings: Callable[[], Settings],
        replica: str,
        tell: Callable[[str], None],
        now: Callable[[], float],
    ) -> None:
        self._reactor, self._table, self._settings = reactor, table, settings
        self._replica, self._tell, self._now = replica, tell, now
        self.struck: Callable[[], None] = lambda: None
        self.looked: Callable[[], None] = lambda: None
        self._here: dict[str, LinkRow] = {}
        self._changed: set[str] = set()
        self._gone: set[str] = set()
        self._whole, self._stopped = True, False
        self._looked_at = -1.0
        self._seen = Shared(frozenset(), (), ())
        self._here_revoked: frozenset[str] = frozenset()
        self._writing = self._write_again = False
        self._looking: Deferred[None] | None = None
        self._look_again = False
        self._loops = [(LoopingCall(self._guarded, work), every) for work, every in self._rounds()]
        for loop, _ in self._loops:
            loop.clock = reactor

    def _rounds(self) -> tuple[tuple[Callable[[], Any], float], ...]:
        return (self.look, LOOK), (self._write_in_turn, WRITE), (self._tidy, TIDY)

    async def start(self) -> None:
        """The first look, so that nobody who is revoked is let in, and then one a second. Raises StoreUnavailable."""
        await self.look(always=True)
        for loop, every in self._loops:
            loop.start(every, now=False).addErrback(self._failed)

    async def stop(self) -> None:
        """No more: none of the connections here lives."""
        self._stopped = True
        for loop, _ in self._loops:
            if loop.running:
                loop.stop()
        try:
            await self._table.leave(self._replica)
        except StoreUnavailable as fault:
            self._log.warn("the other replicas could not be told that the agents here are gone: {f}", f=str(fault))
        self._tell(AGENTS)

    # -- what is known --------------------------------------------------------------------------------------------

    @property
    def revoked(self) -> frozenset[str]:
        """Ids of installations that may not go on."""
        return self._seen.revoked | self._here_revoked

    def revoke(self, ident: str) -> None:
        """In this process at once: a store that fails must not keep a door open."""
        self._here_revoked |= {ident}
        self.struck()

    def here(self) -> list[LinkRow]:
        """The connections of this process, as they were told last."""
        return list(self._here.values())

    def has(self, ident: str) -> bool:
        """Whether an installation is connected here."""
        return any(row.ident == ident for row in self._here.values())

    def elsewhere(self, ident: str) -> int:
        """How many connections an installation has at other replicas."""
        return sum(row.ident == ident and row.replica != self._replica for row in self._seen.links)

    def everywhere(self) -> list[LinkRow]:
        """All connections at replicas that live; those of this process as they are now."""
        return [*self._here.values(), *(row for row in self._seen.links if row.replica != self._replica)]

    def peers_with(self, name: str) -> list[PeerRow]:
        """The other replicas that have an agent of that name and can be reached, the least loaded first."""
        load: dict[str, int] = {}
        for row in self._seen.links:
            if row.name == name and row.replica != self._replica and row.ident not in self.revoked:
                load[row.replica] = load.get(row.replica, 0) + row.report.streams
        peers = {peer.id: peer for peer in self._seen.peers if peer.address and peer.key}
        return [peers[each] for each in sorted(load, key=lambda each: load[each]) if each in peers]

    @property
    def others(self) -> list[PeerRow]:
        """Every other replica that lives."""
        return [each for each in self._seen.peers if each.id != self._replica]

    def peer(self, ident: str) -> PeerRow | None:
        """A replica that lives, other than this one."""
        return next((each for each in self._seen.peers if each.id == ident and ident != self._replica), None)

    # -- what happens here ----------------------------------------------------------------------------------------

    def connected(self, identity: AgentIdentity, report: AgentReport) -> None:
        """A connection is there."""
        self.heartbeat(identity, report)
        self._write_soon()

    def heartbeat(self, identity: AgentIdentity, report: AgentReport) -> None:
        """It lives."""
        self._here[report.connection] = link_row(self._replica, identity, report)
        self._changed.add(report.connection)

    def disconnected(self, identity: AgentIdentity, report: AgentReport) -> None:
        """It is gone."""
        if self._here.pop(report.connection, None) is not None:
            self._changed.discard(report.connection)
            self._gone.add(report.connection)
            self._write_soon()

    def _write_soon(self) -> None:
        if self._stopped:
            return
        if self._writing:
            self._write_again = True
            return
        self._writing = True
        self._guarded(self._write_all).addCallback(self._written)

    def _written(self, _: None) -> None:
        again, self._write_again, self._writing = self._write_again, False, False
        if again:
            self._write_soon()

    async def _write_all(self) -> None:
        await self._write()
        self._tell(AGENTS)

    async def _write_in_turn(self) -> None:
        if not self._writing:
            await self._write()

    async def _write(self) -> None:
        """Raises StoreUnavailable, and everything is written again later."""
        if not (self._changed or self._gone):
            return
        rows = [self._here[each] for each in (self._here if self._whole else self._changed)]
        gone, whole = self._gone, self._whole
        self._changed, self._gone, self._whole = set(), set(), False
        try:
            await self._table.write_links(self._replica, rows, gone, whole)
        except BaseException:
            self._changed, self._gone, self._whole = self._changed | set(self._here), self._gone | gone, True
            raise

    # -- what others wrote ----------------------------------------------------------------------------------------

    async def look(self, always: bool = False) -> None:
        """One round. Raises StoreUnavailable."""
        if not (always or self._settings().agents or self._here):
            return
        before = self.revoked
        self._looked_at = self._reactor.seconds()
        self._seen = await self._table.look()
        self._here_revoked -= self._seen.revoked
        if self._seen.revoked - before:
            self.struck()
        self.looked()

    async def look_again(self) -> None:
        """A look for somebody who is not known, unless there was one just now: strangers make no storm (P6)."""
        if self._reactor.seconds() - self._looked_at > JUST_NOW:
            await self.look(always=True)

    def look_soon(self) -> None:
        """There is something to see: look at once, and again when a look is under way that may have missed it."""
        if self._looking is not None:
            self._look_again = True
            return
        self._looking = self._guarded(self.look)
        self._looking.addCallback(self._looked)

    def _looked(self, _: None) -> None:
        again, self._look_again, self._looking = self._look_again, False, None
        if again:
            self.look_soon()

    async def _tidy(self) -> None:
        longest = max((each.grace for each in self._settings().agents), default=0.0)
        await self._table.tidy(self._now() - KEPT - longest)

    def _guarded(self, work: Callable[[], Any]) -> Deferred[None]:
        """A round that fails is told of, and the next one comes."""
        return Deferred.fromCoroutine(work()).addErrback(self._failed)

    def _failed(self, failure: Any) -> None:
        if failure.check(StoreUnavailable):
            self._log.warn("agents cannot be followed in the store: {fault}", fault=str(failure.value))
        else:
            self._log.failure("following agents failed", failure=failure)
