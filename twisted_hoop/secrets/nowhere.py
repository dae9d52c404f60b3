"""Leases that nobody writes down: of commands that take a log-in, look at it, and give it back."""

from __future__ import annotations

from collections.abc import Iterable

from twisted_hoop.model import TargetLease


class Nowhere:
    """Provides LeaseBook: knows of nothing, so nothing is ever due."""

    async def put(self, lease: TargetLease) -> None:
        """See LeaseBook."""

    async def extended(self, name: str, until: float) -> None:
        """See LeaseBook."""

    async def owing(self, name: str, later: float = 0.0) -> None:
        """See LeaseBook."""

    async def done(self, name: str) -> None:
        """See LeaseBook."""

    async def interrupted(self, sessions: Iterable[str]) -> None:
        """See LeaseBook."""

    async def due(self) -> list[TargetLease]:
        """See LeaseBook."""
        return []
