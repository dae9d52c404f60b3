"""How often one principal may ask for something that costs: so many times in a second. Pure, of one process."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from twisted_hoop.errors import LimitExceeded

MAX_KNOWN = 10_000


class Pace:
    """A bucket for each key, filled at `rate` a second and no fuller than that."""

    def __init__(self, now: Callable[[], float], size: int = MAX_KNOWN) -> None:
        self._now = now
        self._size = size
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, rate: int) -> None:
        """Once more, or LimitExceeded."""
        now = self._now()
        left, since = self._left.pop(key, (float(rate), now))
        left = min(float(rate), left + max(0.0, now - since) * rate)
        self._left[key] = (left - 1.0 if left >= 1.0 else left, now)
        while len(self._left) > self._size:
            self._left.popitem(last=False)
        if left < 1.0:
            raise LimitExceeded(f"more than {rate} in a second", code="slow_down")
