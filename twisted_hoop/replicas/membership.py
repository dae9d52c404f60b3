"""This process among the replicas of its store: it holds a lease, and takes those for dead that let theirs run out.

A judge must itself have been in touch with the store for a whole lease without a break: after a store was away, all are
late, and nobody is dead. Who learns that it was taken for dead goes on, for its connections are the truth and the store
only a list of them: it writes itself and its live sessions down again. What was asked or granted for them has ended
meanwhile, and must be asked anew (A6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_hoop.approval.requests import Request
from twisted_hoop.approval.shelf import Shelf
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.sessions import Sessions
from twisted_hoop.store.replicas import LEASE, Replica, Replicas

BEAT = 5.0
"""Seconds between two words: a lease survives two that are lost."""


class Membership:
    """See the module. `replica` tells how this process is."""

    _log = Logger()

    def __init__(
        self, reactor: Any, table: Replicas, shelf: Shelf, sessions: Sessions, replica: Callable[[], Replica]
    ) -> None:
        self._reactor, self._table, self._shelf = reactor, table, shelf
        self._sessions, self._replica = sessions, replica
        self._since = self._last = reactor.seconds()
        self._loop = LoopingCall(self._guarded)
        self._loop.clock = reactor
        self.fenced = self.buried = 0
        """How often this process was taken for dead, and how many others it took for dead."""

    async def start(self) -> None:
        """Write this process down, and go on saying that it lives. Raises StoreUnavailable."""
        await self._table.here(self._replica())
        self._since = self._last = self._reactor.seconds()
        self._loop.start(BEAT, now=False).addErrback(lambda f: self._log.failure("the lease is not held", failure=f))

    async def stop(self) -> None:
        """It stops: nobody need wait for the end of its lease."""
        if self._loop.running:
            self._loop.stop()
        try:
            await self._table.gone(self._replica().id)
        except StoreUnavailable as fault:
            self._log.warn("the other replicas could not be told: {fault}", fault=str(fault))

    async def beat(self) -> None:
        """One round. Raises StoreUnavailable."""
        me = self._replica()
        if not await self._table.beat(me):
            self.fenced += 1
            self._log.warn("this replica was taken for dead: it goes on, and is written down again")
            await self._table.here(self._replica(), [live.session.id for live in self._sessions])
        if self._in_touch():
            await self._judge(me)

    def _in_touch(self) -> bool:
        """Whether the store has heard us for a whole lease without a break."""
        now = self._reactor.seconds()
        if now - self._last > LEASE / 2:
            self._since = now
        self._last = now
        return bool(now - self._since >= LEASE)

    async def _judge(self, me: Replica) -> None:
        changed: list[Request] = []

        def also(connection: Connection, ids: list[str]) -> None:
            changed[:] = self._shelf.interrupting(connection, ids)

        dead = await self._table.judge(me.id, me.seen, also)
        self._shelf.told.tell("", changed)
        for each in dead:
            self.buried += 1
            self._log.warn(
                "replica {replica} was silent for too long: {count} sessions are marked as interrupted",
                replica=f"{each.name} {each.id}",
                count=len(each.sessions),
            )

    def _guarded(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.beat()).addErrback(self._failed)

    def _failed(self, failure: Any) -> None:
        if failure.check(StoreUnavailable):
            self._log.warn("the store does not hear that this replica lives: {why}", why=str(failure.value))
        else:
            self._log.failure("saying that this replica lives failed", failure=failure)
