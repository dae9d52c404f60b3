"""A session as a timeline: what was asked, what was decided, what came of it. Pure: entries in, lines of text out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from twisted_hoop.recording.escapes import visible
from twisted_hoop.recording.streams import stream_bytes

_STYLES = {"allow": "green", "deny": "bold red", "refused": "bold red", "review": "yellow"}
_SKIPPED = frozenset(("n", "t", "kind"))


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing to show: seconds since the start, and its lines."""

    seconds: float
    lines: list[Text] = field(default_factory=list)


def timeline(entries: Iterable[dict[str, Any]]) -> Iterator[Moment]:
    """One moment for every entry, as `Library.read` gives them. Text is shown with escapes made visible (R6)."""
    for entry in entries:
        kind = entry.get("kind")
        show = _SHOWN[kind] if isinstance(kind, str) and kind in _SHOWN else _other
        yield Moment(_seconds(entry), list(show(entry)))


def _seconds(entry: dict[str, Any]) -> float:
    """0 for what is no time: a forged recording may say 1e999 (R4)."""
    value = entry.get("t")
    try:
        seconds = float(value) if isinstance(value, (int, float)) else 0.0
    except OverflowError:
        return 0.0
    return seconds if math.isfinite(seconds) else 0.0


def _stamp(entry: dict[str, Any]) -> Text:
    seconds = _seconds(entry)
    return Text.assemble((f"{int(seconds // 60):4d}:{seconds % 60:06.3f}  ", "dim"))


def shown_time(seconds: object) -> str:
    """A POSIX time in UTC; "" for what is none."""
    try:
        return (
            datetime.fromtimestamp(seconds, UTC).isoformat(" ", "seconds") if isinstance(seconds, (int, float)) else ""
        )
    except (ValueError, OverflowError, OSError):
        return ""


def _word(value: object) -> str:
    return visible(value if isinstance(value, str) else str(value))


def _open(entry: dict[str, Any]) -> Iterator[Text]:
    who, peer = _mapping(entry.get("principal")), _mapping(entry.get("peer"))
    chain = [_word(_mapping(actor).get("subject")) for actor in _items(entry.get("chain") or who.get("chain"))]
    name = _word(who.get("name") or who.get("subject"))
    label = f"{name} via {', '.join(chain)}" if chain else name
    when = shown_time(entry.get("started"))
    yield Text.assemble(("session ", "dim"), (_word(entry.get("session")), "bold"), f"  {when}")
    yield Text(f"  {label} <{_word(who.get('subject'))}> of {_word(who.get('issuer'))}")
    yield Text(f"  groups {', '.join(map(_word, _items(who.get('groups')))) or '-'}")
    yield Text(f"  from {_word(peer.get('address'))} to {_word(entry.get('target'))} ({_word(entry.get('protocol'))})")
    yield Text("")


def _command(entry: dict[str, Any]) -> Iterator[Text]:
    decision = _word(entry.get("decision") or "?")
    style = _STYLES.get(decision, "bold")
    text = visible(str(entry.get("text", "")), keep="\n\t").expandtabs(4).split("\n")
    yield _stamp(entry).append(f"{decision:<7} ", style=style).append(text[0], style=style if style != "green" else "")
    for line in text[1:]:
        yield Text(" " * 21 + line, style=style if style != "green" else "")
    if details := _details(entry, ("rule", "reason", "approval", "parameters", "tables", "masks", "paths")):
        yield Text(" " * 21).append(details, style="dim")


def _outcome(entry: dict[str, Any]) -> Iterator[Text]:
    failed = bool(entry.get("sqlstate") or entry.get("status") or entry.get("signal"))
    shown = _details(entry, _OUTCOMES)
    yield _stamp(entry).append("→       ").append(shown or "done", style="red" if failed else "dim")
    for row in (_items(entry.get("columns")), *map(_items, _items(entry.get("result")))):
        if row:
            yield Text(" " * 21).append(
                " | ".join("NULL" if cell is None else _word(cell) for cell in row), style="dim"
            )


def _stream(entry: dict[str, Any]) -> Iterator[Text]:
    """Bytes of a stream, every control character written out."""
    text = visible(stream_bytes(entry).decode("utf-8", "backslashreplace"), keep="\n\t").expandtabs(4)
    name = f"{_word(entry.get('stream')):<7} "
    for number, line in enumerate(text.removesuffix("\n").split("\n")):
        yield (_stamp(entry) if not number else Text(" " * 12)).append(name, style="cyan").append(line, style="dim")


def _close(entry: dict[str, Any]) -> Iterator[Text]:
    outcome = _word(entry.get("outcome"))
    line = _stamp(entry).append(outcome, style="bold" if outcome == "closed" else "bold red")
    if entry.get("message"):
        line.append(f": {_word(entry['message'])}")
    if entry.get("torn"):
        line.append(f" ({_word(entry['torn'])} bytes of an unfinished entry were put aside)")
    yield line


def _other(entry: dict[str, Any]) -> Iterator[Text]:
    names = tuple(name for name in entry if name not in _SKIPPED)
    refused = entry.get("kind") in ("refusal", "refused")
    yield (
        _stamp(entry)
        .append(f"{_word(entry.get('kind')):<7} ", style=_STYLES["refused"] if refused else "cyan")
        .append(_details(entry, names))
    )


def _details(entry: dict[str, Any], names: Iterable[str]) -> str:
    """`rule everything, rows 3`: what is empty is left out."""
    shown = []
    for name in names:
        value = entry.get(name)
        if value is None or value == "" or value == [] or value == {}:
            continue
        shown.append(f"{_word(name)} {_value(value)}")
    return ", ".join(shown)


def _value(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join("NULL" if item is None else _word(item) for item in value) + "]"
    return _word(value)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


_OUTCOMES = (
    "tag", "rows", "bytes", "masked", "sqlstate", "seconds",
    "path", "read", "written", "status", "signal", "stdin", "stdout", "stderr",
)  # fmt: skip
_SHOWN = {
    "open": _open,
    "command": _command,
    "outcome": _outcome,
    "output": _stream,
    "input": _stream,
    "close": _close,
}
