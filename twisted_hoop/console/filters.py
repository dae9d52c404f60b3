"""How values are written on pages: times, spans of time, exact texts. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from twisted_hoop.approval.shown import visible

_WRITTEN = re.compile(r"\\u\{([0-9A-F]{1,6})\}")
_HOST = re.compile(r"host='([^']*)', port=(\d+)")
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def exact(text: str) -> Markup:
    """A text as `approval.shown` wrote it, whole; what it had to write out stands in a mark with its name (A3)."""
    pieces, at = [], 0
    safe = visible(text)
    for match in _WRITTEN.finditer(safe):
        pieces += [escape(safe[at : match.start()]), _mark(match)]
        at = match.end()
    return Markup("").join([*pieces, escape(safe[at:])])


def _mark(match: re.Match[str]) -> Markup:
    code = int(match[1], 16)
    name = unicodedata.name(chr(code), "a control character") if code < 0x110000 else "no character"
    return Markup('<mark class="hidden" title="{}">{}</mark>').format(name.lower(), match[0])


def stamp(seconds: float | None) -> Markup:
    """A POSIX time as `<time>`, in UTC; "–" for none."""
    moment = _moment(seconds)
    if moment is None:
        return Markup("–")
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), moment.strftime("%Y-%m-%d %H:%M:%S"))


def clock(seconds: float | None) -> Markup:
    """The same without its date."""
    moment = _moment(seconds)
    if moment is None:
        return Markup("–")
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), moment.strftime("%H:%M:%S"))


def _moment(seconds: float | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)
    except (ValueError, OverflowError, OSError):
        return None


def span(seconds: float | None) -> str:
    """A span of time in its two largest units: `4 min 12 s`, `2 d 3 h`; "–" for none."""
    if seconds is None:
        return "–"
    left, words = max(0, int(seconds)), []
    for unit, size in _UNITS:
        count, left = divmod(left, size)
        if count:
            words.append(f"{count} {unit}")
    return " ".join(words[:2]) or "0 s"


def offset(seconds: Any) -> str:
    """Where in a recording something happened: `12:03.250`."""
    value = float(seconds) if isinstance(seconds, (int, float)) else 0.0
    whole, minutes = value % 60, int(value // 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{whole:06.3f}" if minutes >= 60 else f"{minutes}:{whole:06.3f}"


def size(count: int | None) -> str:
    """Bytes, in the unit people read: `312 B`, `4.1 kB`, `12 MB`."""
    if count is None:
        return "–"
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 10 else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("the loop ends with the last unit")


def address(line: str) -> tuple[str, str, str]:
    """(name, protocol, address) of a listener as it describes itself: `pg postgres IPv4Address(… host=…, port=…)`."""
    name, protocol, where = [*line.split(" ", 2), "", "", ""][:3]
    match = _HOST.search(where)
    if match is None:
        return name, protocol, where
    host = f"[{match[1]}]" if ":" in match[1] else match[1]
    return name, protocol, f"{host}:{match[2]}"


FILTERS: Mapping[str, Callable[..., Any]] = {
    "exact": exact,
    "stamp": stamp,
    "clock": clock,
    "span": span,
    "offset": offset,
    "size": size,
    "address": address,
}
