"""When new connections are refused so that open ones go on: limits of `[gateway]`, with hysteresis. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from twisted_hoop.settings import GatewaySection

AGAIN = 0.95
"""Part of a limit at which connections are accepted again: at the limit itself the two would alternate."""
CALM = 3
"""Looks in a row that must be below before lag or memory lets connections in again; two above shut them out."""


class Shedder:
    """See the module. `live` counts sessions, `of` those of one address; `seconds` is a clock that goes forward.

    `refusal` says for a new connection why not, in one word: "sessions", "address", "rate", "lag", "memory"; "" to
    let it in. `measured` is told every second how late the loop was, in seconds, and the memory that is in use, in MiB.
    """

    def __init__(
        self,
        gateway: GatewaySection,
        live: Callable[[], int],
        of: Callable[[str], int],
        seconds: Callable[[], float],
    ) -> None:
        self._gateway, self._live, self._of, self._seconds = gateway, live, of, seconds
        self._second = 0
        self._came: Counter[str] = Counter()
        self._full = False
        self._above: Counter[str] = Counter()
        self._below: Counter[str] = Counter()
        self._pressed: set[str] = set()
        self.lag = 0.0

    @property
    def why(self) -> str:
        """Why everybody is refused now; "" when nobody is for that."""
        self._look_at_sessions()
        return "sessions" if self._full else next(iter(sorted(self._pressed)), "")

    def refusal(self, host: str, sessions: bool = True) -> str:
        """Why a connection of this address is refused now, or ""; without `sessions`, one that will be no session."""
        if self._too_fast(host):
            return "rate"
        if not sessions:
            return next(iter(sorted(self._pressed)), "")
        if why := self.why:
            return why
        most = self._gateway.sessions_per_address
        return "address" if most and self._of(host) >= most else ""

    def measured(self, late: float, memory: float) -> None:
        """A look at the process."""
        self.lag = late
        for name, value, limit in (("lag", late, self._gateway.lag), ("memory", memory, float(self._gateway.memory))):
            if not limit:
                continue
            high = value > limit
            self._above[name] = self._above[name] + 1 if high else 0
            self._below[name] = self._below[name] + 1 if value <= limit * AGAIN else 0
            if self._above[name] >= 2:
                self._pressed.add(name)
            elif self._below[name] >= CALM:
                self._pressed.discard(name)

    def _look_at_sessions(self) -> None:
        most = self._gateway.sessions
        if not most:
            return
        live = self._live()
        self._full = live >= most or (self._full and live > most * AGAIN)

    def _too_fast(self, host: str) -> bool:
        """Counted anew each second: what is kept does not grow with addresses for longer than that."""
        most = self._gateway.connections_per_second
        if not most:
            return False
        second = int(self._seconds())
        if second != self._second:
            self._second = second
            self._came.clear()
        self._came[host] += 1
        return self._came[host] > most
