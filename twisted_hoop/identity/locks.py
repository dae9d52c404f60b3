"""Locks: who or what is shut out now. Sessions ask at every check, so that a lock ends them within seconds (I9).

In memory of one process. A shared store takes over by calling `replace` whenever its table changes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from twisted_hoop.model import Principal

LockKind = Literal["principal", "group", "issuer", "target"]


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock: `value` is a principal's key (`issuer|subject`), a group, an issuer or a target. `until` 0: no end."""

    kind: LockKind
    value: str
    until: float = 0.0
    reason: str = ""


class Locks:
    """The locks that hold. A principal's lock also stops everybody who acts for it, and everybody it acts for."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._locks: dict[tuple[str, str], Lock] = {}

    def lock(self, kind: LockKind, value: str, seconds: float = 0.0, reason: str = "") -> Lock:
        """Shut out; `seconds` 0 means until unlocked. A second lock on the same thing replaces the first."""
        made = Lock(kind, value, self._now() + seconds if seconds else 0.0, reason)
        self._locks[kind, value] = made
        return made

    def unlock(self, kind: LockKind, value: str) -> bool:
        """Whether there was such a lock."""
        return self._locks.pop((kind, value), None) is not None

    def replace(self, locks: Iterable[Lock]) -> None:
        """These are all the locks there are."""
        self._locks = {(lock.kind, lock.value): lock for lock in locks}

    def all(self) -> list[Lock]:
        """Those that hold now."""
        self._expire()
        return list(self._locks.values())

    def holds(self, principal: Principal, target: str = "") -> Lock | None:
        """The lock that shuts this principal out (from this target), if any."""
        if not self._locks:
            return None
        self._expire()
        for key in self._keys(principal, target):
            if key in self._locks:
                return self._locks[key]
        return None

    def find(self, kind: LockKind, value: str) -> Lock | None:
        """The lock on exactly this, if it holds."""
        self._expire()
        return self._locks.get((kind, value))

    def _keys(self, principal: Principal, target: str) -> Iterable[tuple[str, str]]:
        """Also of those whose rights bound its: groups somebody left out of a token do not evade a group's lock."""
        for each in (principal, *principal.within):
            yield from (("principal", key) for key in each.everybody)
            yield from (("group", group) for group in each.groups)
            yield from (("issuer", issuer) for issuer in (each.issuer, *(actor.issuer for actor in each.chain)))
        if target:
            yield "target", target

    def _expire(self) -> None:
        now = self._now()
        for key in [key for key, lock in self._locks.items() if lock.until and lock.until <= now]:
            del self._locks[key]
