"""When to show what of a recording: speed, idle time passed over, where to begin, what to look for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from twisted_hoop.recording.asciicast import events
from twisted_hoop.recording.streams import stream_bytes
from twisted_hoop.recording.terminal_text import Plain

_TIME = re.compile(r"(?:(?:(\d{1,6}):)?(\d{1,9}):)?(\d{1,12}(?:\.\d{1,6})?)")
_TAIL = 1000
"""Characters of a terminal's output behind which something looked for may have begun."""
BEFORE = 2.0
"""Seconds a replay begins before what was looked for."""


@dataclass(frozen=True, slots=True)
class Pace:
    """`speed` times real speed, 0 without pauses; no pause longer than `idle` seconds as shown; from `start` on."""

    speed: float = 1.0
    idle: float = 3.0
    start: float = 0.0

    def pause(self, last: float | None, now: float) -> float:
        """How long to wait before what happened at `now`, when what is shown already happened at `last`."""
        if self.speed <= 0 or last is None or now < self.start:
            return 0.0
        return min(max(now - max(last, self.start), 0.0) / self.speed, self.idle)


def parse_time(text: str) -> float:
    """Seconds of `93`, `93.5`, `1:33` or `0:01:33`; ValueError for anything else."""
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no time: write seconds, M:SS or H:MM:SS")
    hours, minutes, seconds = match.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds)


def place_in_terminal(entries: Iterable[dict[str, Any]], channel: int, text: str) -> float | None:
    """When `text` was first seen on a channel, as it was written to the terminal or typed; case does not matter.

    Colours and movements between its characters are passed over; what is drawn in pieces out of order is not found.
    """
    wanted, plain, seen = text.casefold(), Plain(), ""
    for event in events(entries, channel):
        if event.code == "m" and wanted in event.data.casefold():
            return event.time
        if event.code == "o":
            seen = seen[-_TAIL - len(wanted) :] + plain.feed(event.data).casefold()
            if wanted in seen:
                return event.time
    return None


def mentions(entry: dict[str, Any], text: str) -> bool:
    """Whether an entry holds `text` anywhere, in a stream's bytes as well; case does not matter."""
    wanted = text.casefold()
    if entry.get("kind") in ("output", "input"):
        return wanted in stream_bytes(entry).decode("utf-8", "replace").casefold()
    return any(wanted in found.casefold() for found in _texts(entry))


def _texts(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            waiting.extend(found.values())
        elif isinstance(found, list):
            waiting.extend(found)
        elif isinstance(found, (str, int, float)):
            yield str(found)
