"""What is searched for: the text people write, read strictly. Pure; docs/search.md describes it.

drop "from customers" cust* person:alice target:shop-* decision:deny since:7d until:2026-11-22
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from twisted_hoop.archive.words import MARKS, mark_of, words_of

MAX_QUERY = 1000
MAX_PARTS = 32
DECISIONS = frozenset(
    ("allow", "deny", "review", "denied", "pending", "expired", "withdrawn", "limited", "failed", "approved")
)
_TIMES = ("since", "until")
_UNITS = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_AGO = re.compile(r"([0-9]{1,6})([mhdw])")
_KEY = re.compile(r"([A-Za-z]+):(.*)", re.S)
# A key and what belongs to it, a phrase, or a run without spaces; the last one is a quote that nobody closed.
_PART = re.compile(r'\s*(?:([A-Za-z]+:)?"([^"]*)"(\*?)|([^\s"]+)|("))', re.S)


class BadQuery(ValueError):
    """The query cannot be read; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that follow each other; with `prefix` the last one may go on."""

    words: tuple[str, ...]
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A whole value, or with `prefix` its beginning; `mark` as `words.mark_of` makes it."""

    mark: str
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """All of it must hold. `since` and `until` are POSIX seconds, `until` not included."""

    phrases: tuple[Phrase, ...] = ()
    marks: tuple[Mark, ...] = ()
    since: float | None = None
    until: float | None = None

    def matches(self, words: tuple[str, ...], marks: frozenset[str], at: float) -> bool:
        """Whether a command with these words and marks, at this time, is one of those: what databases must find."""
        if (self.since is not None and at < self.since) or (self.until is not None and at >= self.until):
            return False
        return all(_has_mark(mark, marks) for mark in self.marks) and self.says(words)

    def says(self, words: tuple[str, ...]) -> bool:
        """Whether these words are such a command's."""
        return all(_has(each, words) for each in self.phrases)


def _has_mark(wanted: Mark, marks: frozenset[str]) -> bool:
    return any(mark.startswith(wanted.mark) for mark in marks) if wanted.prefix else wanted.mark in marks


def _has(phrase: Phrase, words: tuple[str, ...]) -> bool:
    *first, last = phrase.words
    for start in range(len(words) - len(first)):
        end = words[start + len(first)]
        fits = end.startswith(last) if phrase.prefix else end == last
        if fits and list(words[start : start + len(first)]) == first:
            return True
    return False


@dataclass(slots=True)
class _Draft:
    """What was read so far."""

    now: float
    phrases: list[Phrase]
    marks: list[Mark]
    since: float | None = None
    until: float | None = None

    def take(self, key: str, value: str, prefix: bool) -> None:
        """One part. Without a key it is words, of which there may be none: `*` in `select * from t`."""
        if not key:
            words = words_of(value)
            if words:
                self.phrases.append(Phrase(words, prefix))
        elif key in _TIMES:
            self._bound(key, value, prefix)
        else:
            self._mark(key, value, prefix)

    def _mark(self, key: str, value: str, prefix: bool) -> None:
        if key not in MARKS:
            raise BadQuery(f'there is no {key}: to search by; put "{key}:…" in quotes to find it in commands')
        if not value.strip():
            raise BadQuery(f"write what {key}: should be, {key}:name")
        if key == "decision" and not prefix and value.lower() not in DECISIONS:
            raise BadQuery(f"decision: is one of {', '.join(sorted(DECISIONS))}")
        self.marks.append(Mark(mark_of(key, value), prefix))

    def _bound(self, key: str, value: str, prefix: bool) -> None:
        if prefix or getattr(self, key) is not None:
            raise BadQuery(f"write {key}: once, and without *")
        setattr(self, key, _time(key, value, self.now))


def parse(text: str, now: float) -> Query:
    """The query, or BadQuery. `now` is the POSIX time that `since:7d` counts from. An empty one matches everything."""
    if len(text) > MAX_QUERY:
        raise BadQuery(f"a query has at most {MAX_QUERY} characters")
    draft, at, count = _Draft(now, [], []), 0, 0
    while match := _PART.match(text, at):
        count, at = count + 1, match.end()
        draft.take(*_part(match))
    if count > MAX_PARTS:
        raise BadQuery(f"a query has at most {MAX_PARTS} parts")
    return Query(tuple(draft.phrases), tuple(draft.marks), draft.since, draft.until)


def _part(match: re.Match[str]) -> tuple[str, str, bool]:
    """(key, value, whether more may follow) of one part."""
    key, quoted, star, plain, unclosed = match.groups()
    if unclosed is not None:
        raise BadQuery('a " is not closed')
    if quoted is not None:
        return (key or "").rstrip(":").lower(), quoted, bool(star)
    found = _KEY.fullmatch(plain)
    name, value = (found[1].lower(), found[2]) if found else ("", plain)
    return name, value.rstrip("*") if name else value, value.endswith("*")


def _time(key: str, value: str, now: float) -> float:
    if ago := _AGO.fullmatch(value):
        return now - int(ago[1]) * _UNITS[ago[2]]
    try:
        when = datetime.fromisoformat(value.upper())
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        wanted = "a time (UTC) such as 2026-11-22 or 2026-11-22T10:30, or so long ago: 30m, 12h, 7d, 4w"
        raise BadQuery(f"{key}: is {wanted}") from None
