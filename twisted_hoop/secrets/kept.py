"""What was read, for a while. Of many who ask for one thing at once, one goes and all are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.secrets.secret import Secret

FRESH = 1.0
"""Seconds in which what was read is not doubted: log-ins that fail one after the other are not as many readings."""

T = TypeVar("T")
Read = Callable[[], Awaitable[T]]


class Flights(Generic[T]):
    """Work by key: whoever asks while it is under way joins. Who gives up waiting does not end it for the others."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Deferred[T]]] = {}

    async def join(self, key: str, work: Read[T]) -> T:
        """What `work` gives or raises."""
        mine: Deferred[T] = Deferred()
        first = key not in self._waiting
        self._waiting.setdefault(key, []).append(mine)
        if first:
            flight: Any = Deferred.fromCoroutine(_coroutine(work))
            flight.addBoth(self._landed, key)
        return await mine

    def _landed(self, result: Any, key: str) -> None:
        for each in self._waiting.pop(key):
            if not each.called:
                each.callback(result)  # a Failure goes down the errbacks


async def _coroutine(work: Read[T]) -> T:
    return await work()


@dataclass(frozen=True, slots=True)
class _Known:
    value: Secret
    read: float
    until: float


class Kept:
    """Secrets by reference. `now` only goes forward; `stale` is in seconds, and asked for anew each time."""

    log = Logger()

    def __init__(self, now: Callable[[], float], stale: Callable[[], float]) -> None:
        self._now, self._stale = now, stale
        self._known: dict[str, _Known] = {}
        self._flights: Flights[Secret] = Flights()
        self._places: Counter[str] = Counter()

    async def get(self, reference: str, ttl: float, read: Read[Secret]) -> Secret:
        """The value, read anew when it is older than `ttl` seconds. Raises SecretUnavailable.

        `read` is called again when the place was dropped meanwhile: what it found there, or not, is of no worth (R11).
        """
        while True:
            known = self._known.get(reference)
            if known is not None and self._now() < known.until:
                return known.value
            place = self._place(reference)
            work = partial(self._read, reference, place, ttl, read)
            try:
                value = await self._flights.join(f"{place} {reference}", work)
            except SecretUnavailable:
                if place == self._place(reference):
                    raise
                continue
            if place == self._place(reference):
                return value

    def forget(self, reference: str) -> None:
        """It did not work: read it anew next time, unless it was read just now."""
        known = self._known.get(reference)
        if known is not None and self._now() - known.read >= FRESH:
            del self._known[reference]

    def drop(self, scheme: str) -> None:
        """What was read of a scheme is another place's: neither is it used on while the new one does not answer."""
        self._known = {name: known for name, known in self._known.items() if not name.startswith(f"{scheme}:")}
        self._places[scheme] += 1

    def _place(self, reference: str) -> int:
        """How often its scheme was dropped: which place a reading is of."""
        return self._places[reference.partition(":")[0]]

    async def _read(self, reference: str, place: int, ttl: float, read: Read[Secret]) -> Secret:
        try:
            value = await read()
        except SecretUnavailable as error:
            if place != self._place(reference):
                raise
            return self._instead(reference, error)
        if place == self._place(reference):
            now = self._now()
            self._known[reference] = _Known(value, now, now + ttl)
        return value

    def _instead(self, reference: str, error: SecretUnavailable) -> Secret:
        """The last value, where that is configured and nobody said no; else there is none (fail closed)."""
        known = self._known.get(reference)
        if known is None or not error.passing or self._now() >= known.until + self._stale():
            self._known.pop(reference, None)
            raise error
        scheme = reference.partition(":")[0]
        self.log.warn("a secret of {scheme} is used on as it was: {why}", scheme=scheme, why=str(error))
        return known.value
