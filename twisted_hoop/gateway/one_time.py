"""One-time tokens over the store: used once at one replica is used at all of them, and after a restart (I10)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from zope.interface import implementer

from twisted_hoop.errors import IssuerUnavailable, StoreUnavailable
from twisted_hoop.interfaces import IReplayGuard

First = Callable[[str, str, float], Awaitable[bool]]


@implementer(IReplayGuard)
class OneTime:
    """See the module. `first` is `store.once.Once.first`. Without the store no such token is taken: it fails closed."""

    def __init__(self, first: First) -> None:
        self._first = first

    async def first_use(self, issuer: str, token_id: str, until: float) -> bool:
        """See IReplayGuard; IssuerUnavailable when nobody can say."""
        try:
            return await self._first("token", f"{issuer}\0{token_id}", until)
        except StoreUnavailable:
            raise IssuerUnavailable("the store cannot be asked whether the token was used before") from None
