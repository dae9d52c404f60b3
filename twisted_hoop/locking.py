"""Locking somebody or something out: in the store for every replica, in this process at once, approvals included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from twisted_hoop.identity.locks import Lock, Locks
from twisted_hoop.model import Principal
from twisted_hoop.store.locks import LockRow, LockTable


class Approvals(Protocol):
    """What happens to the approvals of a principal that is locked; `approval.approver.Approver` does it."""

    def locked(self, principal_key: str, /) -> Any:
        """End everything of theirs, granted or not (A6); an Awaitable."""


class LockDesk:
    """Locks on behalf of operators. `locks` is what this process asks at every check (I9).

    `struck` is called when there is a new one, for sessions that live here; `told` once the other replicas can see it.
    """

    def __init__(
        self,
        table: LockTable,
        locks: Locks,
        approvals: Approvals,
        now: Callable[[], float],
        struck: Callable[[], None] = lambda: None,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        self._struck = struck
        self._told = told
        self._table = table
        self._locks = locks
        self._approvals = approvals
        self._now = now
        self._on_the_way = 0
        self.changes = 0

    async def all(self) -> list[LockRow]:
        """The locks that hold, newest first."""
        return list(await self._table.all())

    async def lock(self, by: Principal, kind: str, value: str, seconds: float, reason: str) -> LockRow:
        """Shut out; live sessions end within a second or two, at other replicas too. `seconds` 0: until lifted."""
        now = self._now()
        row = LockRow(kind, value, now + seconds if seconds else 0.0, reason, by.key, now)
        # In this process first: a store that fails must not keep a door open.
        self._locks.lock(kind, value, seconds, reason)  # type: ignore[arg-type]
        self._struck()
        with self._changing():
            await self._table.put(row)
        self._told()
        if kind == "principal":
            await self._approvals.locked(value)
        return row

    async def lift(self, kind: str, value: str) -> bool:
        """Let in again; whether there was such a lock."""
        with self._changing():
            there = await self._table.lift(kind, value)
            here = self._locks.unlock(kind, value)  # type: ignore[arg-type]
        self._told()
        return here or there

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """What was read before the store has the change, or while it gets it, is old: nobody follows that (I9)."""
        self._on_the_way += 1
        try:
            yield
        finally:
            self._on_the_way -= 1
            self.changes += 1

    def follow(self, rows: Iterable[LockRow], changes: int) -> None:
        """The store's locks are those of this process too. `changes` is what it was before they were read.

        Where something was locked here meanwhile, they are old already: the next reading has it.
        """
        if self._on_the_way or changes != self.changes:
            return
        found = [Lock(row.kind, row.value, row.until, row.reason) for row in rows]  # type: ignore[arg-type]
        new = set(found) - set(self._locks.all())
        self._locks.replace(found)
        if new:
            self._struck()
