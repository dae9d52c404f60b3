"""A recording as people read it: what was asked, what was decided, what came of it. Pure: entries in, moments out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twisted_hoop.approval.shown import shown
from twisted_hoop.recording.streams import stream_bytes
from twisted_hoop.recording.terminal_text import Plain

Entry = Mapping[str, Any]
_OWN_PLACE = "n t kind command action text decision rule reason parameters policy approval session code channel stream"
_ASIDE = frozenset(_OWN_PLACE.split())
_STREAMS = frozenset(("output", "input"))
_FOLD = 600
"""Characters of a stream above which it is folded away."""


@dataclass(slots=True)
class Moment:
    """One thing that happened. `at` is seconds since the start, `state` a word for its badge, `text` already `shown`.

    `details` are (name, value) pairs, `outcomes` lines of what came of it, `fold` whether the text is long; `channel`
    is that of a terminal, which can be played, or -1. `raw` is a stream as it was.
    """

    n: int
    at: float
    state: str
    label: str
    text: str = ""
    details: list[tuple[str, str]] = field(default_factory=list)
    outcomes: list[tuple[bool, str]] = field(default_factory=list)
    approval: str = ""
    channel: int = -1
    raw: str = ""
    fold: bool = False
    found: bool = False


def timeline(entries: Iterable[Entry], search: str = "") -> list[Moment]:
    """Moments in order. What came of a command stands with it when both are here; pieces of a stream are joined.

    Moments whose text holds `search`, in any case, are marked.
    """
    joined = _Joined()
    for entry in entries:
        joined.take(entry)
    wanted = search.casefold()
    for moment in joined.moments:
        moment.text = moment.text or _streamed(moment)
        moment.fold = moment.label in _STREAMS and len(moment.text) > _FOLD
        moment.found = bool(wanted) and wanted in moment.text.casefold()
    return joined.moments


class _Joined:
    """Moments so far, the commands among them by number, and the stream the last one is a piece of."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self._commands: dict[str, Moment] = {}
        self._stream: tuple[str, ...] = ()

    def take(self, entry: Entry) -> None:
        """One entry: a moment of its own, or part of one that is here."""
        kind, command = str(entry.get("kind")), str(entry.get("command"))
        stream = (kind, str(entry.get("channel")), str(entry.get("stream"))) if kind in _STREAMS else ()
        owner = self._commands.get(command) if kind == "outcome" else None
        if stream and stream == self._stream:
            _append(self.moments[-1], entry)
        elif owner is not None:
            owner.outcomes.append(_outcome(entry))
        else:
            self.moments.append(_moment(entry))
            if kind == "command":
                self._commands[command] = self.moments[-1]
        self._stream = stream


def _moment(entry: Entry) -> Moment:
    kind = str(entry.get("kind"))
    made = Moment(_number(entry.get("n")), _seconds(entry), kind, kind)
    if _has_terminal(entry):
        made.channel = _number(entry.get("channel"))
    if kind in ("command", "refused"):
        _asked(made, entry)
    elif kind == "outcome":
        made.outcomes.append(_outcome(entry))
    elif kind in _STREAMS:
        _append(made, entry)
    elif kind == "review":
        made.state, made.label, made.approval = "review", "waits", str(entry.get("approval") or "")
        made.text = shown(str(entry.get("text", "")))
    else:
        _other(made, entry)
    return made


def _asked(made: Moment, entry: Entry) -> None:
    decision = str(entry.get("decision") or "")
    made.state = "refused" if entry.get("kind") == "refused" else decision
    made.label = {"allow": "allowed", "review": "approved", "refused": "refused"}.get(made.state, made.state)
    made.text = shown(str(entry.get("text", "")))
    approval = entry.get("approval")
    if isinstance(approval, Mapping):
        made.approval = str(approval.get("id") or "")
        made.details += [("approved by", shown(_listed(approval.get("by"))))] if approval.get("by") else []
    names = ("rule", "reason", "parameters", "code", "action")
    usual = ("query", "denied")
    told = [(name, _listed(entry[name])) for name in names if _says(entry.get(name))]
    made.details += [(name, shown(value)) for name, value in told if value not in usual]
    made.details += _rest(entry)


def _other(made: Moment, entry: Entry) -> None:
    made.text = shown(str(entry["text"])) if _says(entry.get("text")) else ""
    if entry.get("kind") == "open":
        who = entry.get("principal")
        groups = who.get("groups") if isinstance(who, Mapping) else None
        made.details += [("groups", shown(_listed(groups)))] if groups else []
        made.details += [(name, shown(_listed(entry[name]))) for name in ("policy", "attributes") if entry.get(name)]
        return
    if entry.get("kind") == "close":
        made.text = shown(f"{entry.get('outcome', '')}: {entry.get('message', '')}".rstrip(": "))
        return
    made.details += _rest(entry)


def _rest(entry: Entry) -> list[tuple[str, str]]:
    return [(shown(str(n)), shown(_listed(value))) for n, value in entry.items() if n not in _ASIDE and _says(value)]


def _outcome(entry: Entry) -> tuple[bool, str]:
    """(well or not, `SELECT 2, 2 rows, 62 B, 2 masked`)."""
    failed = entry.get("sqlstate") or entry.get("signal") or entry.get("failed") or not _well(entry)
    words = [str(entry["tag"])] if entry.get("tag") else []
    for name in ("sqlstate", "status", "signal"):
        words += [f"{name} {entry[name]}"] if entry.get(name) is not None and _says(entry.get(name)) else []
    words += [f"{entry[name]} {name}" for name in ("rows", "bytes", "masked") if entry.get(name)]
    known = {"n", "t", "kind", "command", "channel", "tag", "sqlstate", "status", "signal", "rows", "bytes", "masked"}
    words += [f"{name} {_listed(value)}" for name, value in entry.items() if name not in known and _says(value)]
    return not failed, shown(", ".join(words) or "done")


def _well(entry: Entry) -> bool:
    """Whether a status is a good one: 0 of a program, which has a channel, and less than 400 of a request."""
    status = entry.get("status")
    return status in (None, 0) or ("channel" not in entry and isinstance(status, int) and 100 <= status < 400)


def _append(made: Moment, entry: Entry) -> None:
    made.raw += stream_bytes(entry).decode("utf-8", "backslashreplace")


def _streamed(moment: Moment) -> str:
    """A stream as text. Output is read without its escapes (R6): they are noise here, and a terminal can be played."""
    return shown(Plain().feed(moment.raw) if moment.label == "output" else moment.raw.replace("\r\n", "\n"))


def _has_terminal(entry: Entry) -> bool:
    return entry.get("kind") == "terminal" or isinstance(entry.get("terminal"), Mapping)


def _says(value: Any) -> bool:
    return value is not None and value != "" and value != [] and value != {}


def _listed(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_listed(inner)}" for name, inner in value.items() if _says(inner))
    if isinstance(value, (list, tuple)):
        return ", ".join("NULL" if item is None else _listed(item) for item in value)
    return str(value)


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _seconds(entry: Entry) -> float:
    value = entry.get("t")
    return float(value) if isinstance(value, (int, float)) else 0.0
