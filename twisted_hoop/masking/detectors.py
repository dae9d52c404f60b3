"""Finding sensitive values in text: one RE2 set as a filter, exact places only on a hit (C8, performance.md).

`Detector.might` costs 2 to 3 ms per MiB whatever the number of patterns: join the text cells of a chunk of rows by a
newline, ask once, and look at single cells with `spans` only when it says yes. Never ask about raw row octets: length
fields stick to values and break word boundaries.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import re2

from twisted_hoop.errors import ConfigurationError
from twisted_hoop.masking.cards import COMPILED
from twisted_hoop.masking.patterns import BUILT_IN, ESCAPES, Rule

NAMES: Final = tuple(BUILT_IN)
"""Every detector there is."""

_MEMORY: Final = 256 << 20
_USER: Final = "pattern-"
_ANCHOR: Final = re.compile(r"\\\\|\\A|\\z")
_NO_LINES: Final = re.compile(r"\(\?[A-Za-z]*-[A-Za-z]*m")
_HITS: Final = 5000
_USER_HITS: Final = 200
_SHORT: Final = 1 << 16


@dataclass(frozen=True, slots=True, init=False)
class Span:
    """Octets `start` to `end` hold what `name` finds; `others` also found something that overlaps it."""

    start: int
    end: int
    name: str
    others: tuple[str, ...]

    def __init__(self, start: int, end: int, name: str, others: tuple[str, ...] = ()) -> None:
        # Written out, as in steps.py: compiled, it costs a tenth of what dataclasses make.
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "end", end)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "others", others)


class Detector:
    """Named detectors and a user's own RE2 patterns, compiled once and shared by every session.

    User patterns are called `pattern-1`, `pattern-2` …, in their order. Raises ConfigurationError for a name that does
    not exist or a pattern that RE2 refuses.
    """

    __slots__ = ("_rules", "_set", "names")

    def __init__(self, names: Sequence[str], patterns: Sequence[str] = ()) -> None:
        rules = [(name, rule) for name in dict.fromkeys(names) for rule in _built_in(name)]
        rules += [(f"{_USER}{i}", Rule(pattern)) for i, pattern in enumerate(patterns, 1)]
        self.names = tuple(dict.fromkeys(name for name, _ in rules))
        self._rules = [(name, rule, _compile(rule.pattern)) for name, rule in rules]
        self._set = _compile_set(_joined(name, rule.pattern) for name, rule in rules)

    def might(self, data: bytes) -> bool:
        """Whether anything may be found in `data`. False is certain; True means: look with `spans`."""
        return len(self._hits(data)) > 1

    def rules(self, data: bytes) -> tuple[int, ...]:
        """Which rules may find something in `data` or in a part of it, to be given to `spans`.

        Empty when `might` is False; and not empty, naming no rule of anyone's, when escapes may hide something.
        """
        end = len(self._rules) + len(ESCAPES)
        return tuple([index for index in self._hits(data) if index != end])

    def _hits(self, data: bytes) -> Sequence[int]:
        """Indices of what is found, in no order, the set's last member always among them.

        That member is the end of the text. Where it is missing the automaton gave up, and what was not looked at may
        hold anything.
        """
        hits: Sequence[int] = self._set.Match(data)
        return hits or range(len(self._rules) + len(ESCAPES) + 1)

    def spans(self, data: bytes, rules: Sequence[int] | None = None) -> list[Span]:
        """What is found, in order, never overlapping: overlapping finds become one span as long as all of them.

        `rules` are what `rules` said of `data` or of a text that has `data` in it, line for line.
        """
        found: list[Span] = []
        together = 0
        for index in self._hits(data) if rules is None else rules:
            if index < len(self._rules):
                one = self._found(index, data)
                together += bool(one)
                found = found + one if found else one
        return _merge(found) if together > 1 else found

    def first(self, data: bytes) -> str:
        """The name of what is found first, or "": for callers that only want to know."""
        spans = self.spans(data)
        return spans[0].name if spans else ""

    def _found(self, index: int, data: bytes) -> list[Span]:
        name, rule, regex = self._rules[index]
        if not rule.whole or rule.group or name.startswith(_USER):
            return list(self._find(index, data))
        found: list[Span] = []
        if rule.scan is not None and COMPILED:
            for a, b in rule.scan(data):
                found.append(Span(a, b, name))
            return found
        for hits, match in enumerate(regex.finditer(data), 1):
            start, end = match.span()
            for a, b in rule.check(data, start, end):
                found.append(Span(a, b, name))
            if hits >= _HITS and end < len(data):
                found.append(Span(end, len(data), name))  # C8, as below
                break
        return found

    def _find(self, index: int, data: bytes) -> Iterator[Span]:
        name, rule, regex = self._rules[index]
        at = hits = 0
        while at <= len(data) and (match := regex.search(data, at)) is not None:
            start, end = match.span(rule.group)
            accepted = rule.check(data, start, end)
            yield from (Span(a, b, name) for a, b in accepted if b > a)
            at = max(end, start + 1) if accepted or rule.whole else start + 1
            hits += 1
            if at < len(data) and hits >= _USER_HITS and self._is_costly(name, hits, len(data) - at):
                yield Span(at, len(data), name)
                return

    def _is_costly(self, name: str, hits: int, rest: int) -> bool:
        """C8: whether going on would hold up every other session: the rest of the value is then hidden unseen.

        A user's pattern may read to the end of the value for every short match; ours cost some microseconds a match.
        """
        return hits >= _HITS or (name.startswith(_USER) and rest > _SHORT)


def _built_in(name: str) -> tuple[Rule, ...]:
    if name not in BUILT_IN:
        raise ConfigurationError([f"detect: there is no detector {name!r}; use one of {', '.join(BUILT_IN)}"])
    return BUILT_IN[name]


def _options() -> Any:
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    return options


def _compile(pattern: str) -> Any:
    try:
        return re2.compile(pattern, _options())
    except re2.error as error:
        raise ConfigurationError([f"patterns: {pattern!r} is no RE2 pattern: {_message(error)}"]) from None


def _message(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)


def _joined(name: str, pattern: str) -> str:
    """The pattern as it must be searched in cells joined by newlines: a cell's ends are line ends there."""
    if not name.startswith(_USER):
        return pattern
    if _NO_LINES.search(pattern):
        return ""  # matches everything: the filter always says "look closer"
    return "(?m)" + _ANCHOR.sub(lambda m: {"\\A": "^", "\\z": "$"}.get(m[0], m[0]), pattern)


def _compile_set(patterns: Iterable[str]) -> Any:
    found = re2.Set.SearchSet(_options())
    try:
        for pattern in (*patterns, *ESCAPES, r"\z"):
            found.Add(pattern)
        found.Compile()
    except re2.error as error:
        raise ConfigurationError([f"patterns: too large together: {_message(error)}"]) from None
    return found


def _merge(spans: list[Span]) -> list[Span]:
    spans.sort(key=lambda s: (s.start, -s.end))
    merged = [spans[0]]
    for span in spans[1:]:
        last = merged[-1]
        if span.start >= last.end:
            merged.append(span)
            continue
        longest = last if last.end - last.start >= span.end - span.start else span
        names = {last.name, *last.others, span.name, *span.others} - {longest.name}
        merged[-1] = Span(last.start, max(last.end, span.end), longest.name, tuple(sorted(names)))
    return merged
