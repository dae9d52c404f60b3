"""Recordings of terminals as asciicast v3. Pure: entries in, lines out.

Source: https://docs.asciinema.org/manual/asciicast/v3/. Events: `o` output, `i` input where it was recorded, `r`
resize, `m` a line that was typed and judged, `x` the exit status; times are seconds since the event before. One channel
of a session makes one cast; output is made safe to play (R6), and holds what the client saw, after masking (M12).
What is exact stands in the entries themselves.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from twisted_hoop.recording.escapes import visible
from twisted_hoop.recording.streams import stream_bytes
from twisted_hoop.recording.terminal_text import Plain, Safe

COLUMNS, ROWS = 80, 24
"""The size of a terminal nobody told."""
MOST = 1000
"""Columns and rows are clamped to this (S21)."""
_MOST_SECONDS = 1e12
_STREAMS = ("stdout", "stderr")


@dataclass(frozen=True, slots=True)
class Event:
    """`time` in seconds since the session's start; `code` as in asciicast."""

    time: float
    code: str
    data: str


def first_terminal(entries: Iterable[dict[str, Any]]) -> int | None:
    """The first channel with a terminal; without one, the first with output; None when there is neither."""
    output: int | None = None
    for entry in entries:
        channel = entry.get("channel")
        if not isinstance(channel, int):
            continue
        if has_terminal(entry):
            return channel
        if output is None and entry.get("kind") == "output":
            output = channel
    return output


def has_terminal(entry: dict[str, Any]) -> bool:
    """Whether an entry says that its channel has a terminal."""
    return bool(_terminal(entry)) and isinstance(entry.get("channel"), int)


def _terminal(entry: dict[str, Any]) -> dict[str, Any]:
    """The terminal of an entry: one of its own, or what a command entry says of it."""
    found = entry if entry.get("kind") == "terminal" else entry.get("terminal")
    return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class _Decoded:
    """Both output streams of a channel share a terminal, but not a character cut in two."""

    decoders: dict[str, Any] = field(default_factory=dict)
    safe: dict[str, Safe] = field(default_factory=dict)

    def text(self, entry: dict[str, Any]) -> str:
        stream = str(entry.get("stream"))
        if stream not in self.decoders:
            self.decoders[stream] = codecs.getincrementaldecoder("utf-8")("replace")
            self.safe[stream] = Safe()
        return self.safe[stream].feed(self.decoders[stream].decode(stream_bytes(entry)))


def events(entries: Iterable[dict[str, Any]], channel: int) -> Iterator[Event]:
    """What happened on one channel, as it may be played."""
    decoded = _Decoded()
    for entry in entries:
        if entry.get("channel") == channel:
            yield from _event(entry, decoded)


def _event(entry: dict[str, Any], decoded: _Decoded) -> Iterator[Event]:
    kind, time = entry.get("kind"), _number(entry.get("t"))
    if kind == "output" and entry.get("stream") in _STREAMS:
        if text := decoded.text(entry):
            yield Event(time, "o", text)
    elif kind == "input" and entry.get("stream") == "stdin":
        yield Event(time, "i", stream_bytes(entry).decode("utf-8", "replace"))
    elif kind == "resize":
        columns, rows = _size(entry)
        yield Event(time, "r", f"{columns}x{rows}")
    elif kind in ("command", "refused") and entry.get("action") == "line":
        refused = "" if kind == "command" else "refused: "
        yield Event(time, "m", refused + visible(str(entry.get("text", ""))))
    elif kind == "outcome" and "operation" not in entry and isinstance(entry.get("status"), int):
        yield Event(time, "x", str(entry["status"]))


def asciicast(entries: Iterable[dict[str, Any]], channel: int) -> Iterator[str]:
    """The lines of an asciicast v3 file: the header, then the events. `entries` is read twice: give a list."""
    found = list(entries)
    yield _line(_header(found, channel))
    last = min((_number(e.get("t")) for e in found if e.get("channel") == channel), default=0.0)
    for event in events(found, channel):
        yield _line([round(max(event.time - last, 0.0), 6), event.code, event.data])
        last = max(event.time, last)


def _line(value: object) -> str:
    return json.dumps(value).replace("\x7f", "\\u007f")


def _header(entries: list[dict[str, Any]], channel: int) -> dict[str, Any]:
    opened = next((entry for entry in entries if entry.get("kind") == "open"), {})
    mine = [entry for entry in entries if entry.get("channel") == channel]
    terminal = next((found for entry in mine if (found := _terminal(entry))), {})
    columns, rows = _size(terminal)
    began = _number(opened.get("started")) + min((_number(entry.get("t")) for entry in mine), default=0.0)
    header: dict[str, Any] = {"version": 3, "term": {"cols": columns, "rows": rows}, "timestamp": int(began)}
    if terminal.get("term"):
        header["term"]["type"] = visible(str(terminal["term"]))
    command = next((entry for entry in mine if entry.get("kind") == "command" and entry.get("action") != "line"), {})
    if command.get("text"):
        header["command"] = visible(str(command["text"]))
    header["title"] = visible(f"{opened.get('session', '')} on {opened.get('target', '')}")
    return header


def plain_text(entries: Iterable[dict[str, Any]], channel: int) -> Iterator[str]:
    """The output of a channel as text, without escapes."""
    plain = Plain()
    for event in events(entries, channel):
        if event.code == "o":
            yield plain.feed(event.data)


def _size(entry: dict[str, Any]) -> tuple[int, int]:
    columns, rows = _number(entry.get("columns")), _number(entry.get("rows"))
    return int(min(max(columns, 0), MOST)) or COLUMNS, int(min(max(rows, 0), MOST)) or ROWS


def _number(value: object) -> float:
    """A number that can be one: what is no finite number, or larger than any time, is 0."""
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _MOST_SECONDS
    return float(value) if usable else 0.0  # type: ignore[arg-type]
