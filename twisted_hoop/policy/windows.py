"""When a rule is in force: hours and days of the week in one time zone. Pure: the time is an argument."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_HOURS = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60


def parse_hours(hours: str) -> tuple[int, int]:
    """`09:00-17:30` as minutes since midnight, start and end; ("" is the whole day). Raises ValueError.

    The start is inside, the end is not. An end before the start spans midnight. 24:00 is allowed as an end.
    """
    if not hours:
        return 0, _DAY
    match = _HOURS.fullmatch(hours)
    if match is None:
        raise ValueError('write hours as "09:00-17:30", from 00:00 to 24:00')
    start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    if start >= _DAY or end > _DAY:
        raise ValueError("an hour goes from 00:00 to 23:59; 24:00 may only be an end")
    if start == end:
        raise ValueError("the window is empty: leave hours out for the whole day")
    return start, end


def zone_named(name: str) -> ZoneInfo:
    """The time zone of an IANA name. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"no time zone is called {name!r}: write an IANA name such as Europe/Berlin") from error


class Window:
    """A weekly time window. A window that spans midnight belongs to the day it starts on."""

    __slots__ = ("_days", "_end", "_last", "_start", "_zone")

    def __init__(self, hours: str, days: Iterable[str], timezone: str) -> None:
        self._start, self._end = parse_hours(hours)
        wanted = frozenset(days)
        self._days = frozenset(i for i, day in enumerate(_DAYS) if not wanted or day in wanted)
        self._zone = zone_named(timezone)
        self._last = (-1, False)

    def is_open(self, now: float) -> bool:
        """Whether POSIX time `now` lies inside. The answer is kept for the minute: zones shift by whole minutes."""
        minute = int(now // 60)
        last = self._last
        if last[0] != minute:
            last = self._last = (minute, self._look(minute * 60))
        return last[1]

    def _look(self, now: int) -> bool:
        local = datetime.fromtimestamp(now, self._zone)
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if self._start < self._end:
            return day in self._days and self._start <= minute < self._end
        if minute >= self._start:
            return day in self._days
        return minute < self._end and (day - 1) % 7 in self._days
