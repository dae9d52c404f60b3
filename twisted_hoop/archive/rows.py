"""Commands as the index has them, made of what was recorded. Pure.

What a recording hides, the index never sees: values of masked columns were masked before they were recorded (M12).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from twisted_hoop.archive.words import MAX_TEXT, MAX_WORDS, marks_of, words_of

ASKED = frozenset(("command", "refused", "review"))
"""Kinds of entries that are commands."""
MAX_SHOWN = 400
"""Characters of a command that a hit shows."""
MAX_MARKS = 200
_PATH = re.compile(r"[\w.~@+-]*/[^\s'\"`;|&<>(){}$*?\[\]\\]*")
_LATEST = 8.9e9  # the year 2252: what a 64-bit id holds
SPREAD = 1024
"""Ids of one microsecond."""
_MOST_REMEMBERED = 2000


@dataclass(frozen=True, slots=True)
class Row:
    """One command. `at` is POSIX seconds; `about` is what a hit shows, JSON-ready; `id` orders by time."""

    id: int
    session: str
    n: int
    at: float
    about: Mapping[str, Any]
    words: tuple[str, ...]
    marks: frozenset[str]


def first_id(at: float) -> int:
    """The lowest id of a command at this time (POSIX seconds) or later."""
    return int(min(max(at, 0.0), _LATEST) * 1_000_000) * SPREAD


def row_of(header: Mapping[str, Any], entry: Mapping[str, Any]) -> Row:
    """The row of an entry of a kind in ASKED; `header` is the recording's entry 0 ("open")."""
    return RowMaker(header).row(entry)


@dataclass(frozen=True, slots=True)
class Frame:
    """A command but for its text and parameters: what the next one nearly always has in common with it.

    `about` lacks the text; `words` are of paths that it names; `marks` are all but those of paths in its text.
    """

    about: Mapping[str, Any]
    words: tuple[str, ...]
    marks: frozenset[str]


class RowMaker:
    """Makes the rows of one recording. What they have in common is made once. `session` is its id."""

    def __init__(self, header: Mapping[str, Any]) -> None:
        who = header["principal"]
        via = ", ".join(str(actor["subject"]) for actor in who["chain"])
        name = str(who["name"] or who["subject"])
        self.session, self._started = str(header["session"]), float(header["started"])
        self._protocol = str(header["protocol"])
        self._about = {
            "who": f"{name} via {via}" if via else name,
            "issuer": str(who["issuer"]),
            "subject": str(who["subject"]),
            "target": str(header["target"]),
            "protocol": self._protocol,
        }
        self._common = _common_marks(header)
        self._marks: dict[Any, frozenset[str]] = {}

    def row(self, entry: Mapping[str, Any]) -> Row:
        """The row of an entry of a kind in ASKED."""
        n, text, frame = int(entry["n"]), str(entry.get("text") or ""), self.frame(entry)
        at = self.at(float(entry.get("t") or 0.0))
        words = (*words_of(text), *words_of_all(entry.get("parameters")), *frame.words)[:MAX_WORDS]
        about = {**frame.about, "text": text[:MAX_SHOWN], "cut": len(text) > MAX_SHOWN}
        return Row(first_id(at) + n % SPREAD, self.session, n, at, about, words, self.marks(frame, text))

    def at(self, seconds: float) -> float:
        """POSIX seconds of what was recorded so long after the start."""
        return self._started + seconds

    def frame(self, entry: Mapping[str, Any]) -> Frame:
        """What of an entry is neither text nor parameters."""
        about = {
            **self._about,
            "kind": str(entry["kind"]),
            "action": str(entry.get("action") or ""),
            "decision": _decision(entry),
            "rule": str(entry.get("rule") or ""),
        }
        paths = (*_texts(entry.get("paths")), *_texts(entry.get("path")))
        return Frame(about, words_of_all(entry.get("paths")), self._framed(entry, paths))

    def _framed(self, entry: Mapping[str, Any], paths: tuple[str, ...]) -> frozenset[str]:
        """Those of its decision, tables and the like are nearly always those of a command before it."""
        decided, tables = tuple(_decisions(entry)), tuple(_texts(entry.get("tables")))
        key = (decided, str(entry.get("rule") or ""), tables)
        marks = self._marks.get(key)
        if marks is None:
            if len(self._marks) >= _MOST_REMEMBERED:
                self._marks.clear()
            found = (*marks_of("decision", decided), *marks_of("rule", key[1:2]), *islice(_tables(tables), MAX_MARKS))
            marks = self._marks[key] = self._common | frozenset(found)
        return marks | frozenset(islice(_path_marks(paths), MAX_MARKS)) if paths else marks

    def marks(self, frame: Frame, text: str) -> frozenset[str]:
        """All of them."""
        paths = [*_url_path(text)]
        if self._protocol == "ssh":
            # Of the text as it was recorded, never of what rules saw: that may be a password, or a masked value (M12).
            paths += _PATH.findall(text[:MAX_TEXT])
        return frame.marks | frozenset(islice(_path_marks(paths), MAX_MARKS)) if paths else frame.marks


def _decision(entry: Mapping[str, Any]) -> str:
    """What became of it at the gate: "pending" for a request that was filed and waits."""
    if entry["kind"] == "review":
        return "pending"
    return str(entry.get("code") or entry.get("decision") or "")


def _common_marks(header: Mapping[str, Any]) -> frozenset[str]:
    who = header["principal"]
    people = [who["subject"], who["name"], f"{who['issuer']}|{who['subject']}"]
    people += [actor["subject"] for actor in who["chain"]]
    names = [str(each) for each in people if each]
    found = (
        *marks_of("person", (*names, *(word for name in names for word in name.split()))),
        *marks_of("target", [str(header["target"])]),
        *marks_of("protocol", [str(header["protocol"])]),
        *marks_of("session", [str(header["session"])]),
    )
    return frozenset(found)


def _decisions(entry: Mapping[str, Any]) -> list[str]:
    if entry["kind"] == "review":
        return ["review", "pending"]
    decisions = [str(entry.get("decision") or ""), str(entry.get("code") or "")]
    if entry["kind"] == "command" and isinstance(entry.get("approval"), Mapping):
        decisions.append("approved")
    return decisions


def _tables(tables: Iterable[str]) -> Iterator[str]:
    """Marks of tables: whole, and by their last part."""
    for table in tables:
        yield from marks_of("table", {table, table.rpartition(".")[2]})


def _path_marks(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        yield from marks_of("path", {path, path.rstrip("/").rpartition("/")[2]})


def _url_path(text: str) -> Iterable[str]:
    """The path of a request, `GET /a/b?c=d`: without its query."""
    first, _, rest = text.partition(" ")
    return [rest.split()[0].partition("?")[0]] if first.isupper() and rest.startswith("/") else []


def words_of_all(values: Any) -> tuple[str, ...]:
    """The words of a list of texts, one after another; of what is none, none."""
    return tuple([word for each in _texts(values) for word in words_of(each)]) if values else ()


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, (list, tuple)) else []
