"""Whether our clock is right, as far as others' tell."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from twisted_hoop.doctor.finding import Finding, State

TOLERABLE = 5.0
"""Seconds. A Date header is cut to seconds, and an answer takes its time."""
HARMFUL = 60.0
"""Tokens and certificates of minutes fail beyond this."""


def compared(source: str, theirs: float, ours: float) -> Finding:
    """A line about one clock; both are POSIX times of one moment."""
    ahead = ours - theirs
    off = abs(ahead)
    state: State = "ok" if off <= TOLERABLE else "warning" if off <= HARMFUL else "error"
    way = "ahead of" if ahead > 0 else "behind"
    what = f"ours is {off:.0f} s {way} that of {source}" if off > 1 else f"ours is that of {source}"
    todo = "" if state == "ok" else "have chrony or systemd-timesyncd run on both machines; tokens depend on it"
    return Finding("clock", source, state, what, todo)


def time_of(date: str) -> float | None:
    """POSIX time of a Date header (RFC 9110, section 5.6.7); None for what is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
