"""Places in objects, by kind and path: which of them are hidden, and how. Pure.

A place is written `Kind/path`: names of members from the object's root, joined by `/`, without the indexes of lists:
`Secret/data/password`, `Certificate/spec/key`. Short forms of Kubernetes (`env/NAME`, `args`, `command`,
`annotations/KEY`) are whatever the one who walks the object asks for. A leading `*/` stands for every kind.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import re2

from twisted_hoop.masking.strategies import strictest
from twisted_hoop.policy.patterns import Patterns, is_plain, problem_with
from twisted_hoop.settings import MaskSection

_T = TypeVar("_T")
_ANY: Final = "[^/]*"
_REMEMBERED: Final = 4096
_LONGEST: Final = 1024
_QUANTIFIERS: Final = frozenset("*+?{")
_CHOICE: Final = re.compile(r"\((?:\?:)?([A-Za-z0-9_/|-]+)\)")
_META: Final = frozenset("\\^$.*+?{}[]()|")


def place_pattern(text: str) -> str:
    """The pattern as RE2 reads it: `*/` in front means any kind, and what is plain behind it stays plain."""
    if not text.startswith("*/"):
        return text
    rest = text[2:]
    return f"{_ANY}/{re2.escape(rest) if is_plain(rest) else rest}"


def problem_with_place(text: str) -> str:
    """Why a pattern on places cannot be used, or ""."""
    why = problem_with(place_pattern(text))
    if not why and "/" not in text.strip("/"):
        why = "names a kind alone: write `Kind/path`, as in `Secret/data/.*`"
    return why


@dataclass(frozen=True, slots=True)
class _Entry:
    """One pattern: `kind` is "" when the two parts cannot be told apart, then `path` is the whole pattern."""

    strategy: str
    kind: str
    path: str
    patterns: Patterns
    prefixes: tuple[str, ...]


class KindPlaces:
    """The places of one kind. False when there are none."""

    __slots__ = ("_below", "_entries", "_kind", "_seen")

    def __init__(self, kind: str, entries: Sequence[_Entry]) -> None:
        self._kind = kind
        self._entries = tuple(entries)
        self._seen: dict[str, str] = {}
        self._below: dict[str, bool] = {}

    def __bool__(self) -> bool:
        return bool(self._entries)

    def strategy(self, path: str) -> str:
        """How what stands at a path is hidden; "" when it is not."""
        known = self._seen.get(path)
        if known is None:
            known = self._look_up(path)
            _remember(self._seen, path, known)
        return known

    def below(self, path: str) -> bool:
        """Whether anything under a path may be hidden. False is certain."""
        known = self._below.get(path)
        if known is None:
            start = path + "/" if path else ""
            known = any(start.startswith(p) or p.startswith(start) for e in self._entries for p in e.prefixes)
            _remember(self._below, path, known)
        return known

    def _look_up(self, path: str) -> str:
        hits = [e.strategy for e in self._entries if e.patterns.matches(path if e.kind else f"{self._kind}/{path}")]
        return strictest(hits) if hits else ""


class Places:
    """The `objects` of some masks. Shared; keeps nothing of a value. Raises ValueError for a pattern it cannot read."""

    __slots__ = ("_entries", "_kinds", "_resources")

    def __init__(self, masks: Sequence[MaskSection]) -> None:
        given = [(text, m.strategy) for m in masks if m.direction == "response" for text in m.objects]
        self._entries = tuple(_entry(text, strategy) for text, strategy in given)
        self._kinds: dict[str, KindPlaces] = {}
        self._resources: dict[str, KindPlaces] = {}

    def __bool__(self) -> bool:
        return bool(self._entries)

    def of(self, kind: str) -> KindPlaces:
        """The places of a kind."""
        found = self._kinds.get(kind)
        if found is None:
            found = KindPlaces(kind, [e for e in self._entries if not e.kind or _matches(e.kind, kind)])
            _remember(self._kinds, kind, found)
        return found

    def of_resource(self, resource: str) -> KindPlaces:
        """The places of what may be the kind of a resource that is only known by its plural."""
        found = self._resources.get(resource)
        if found is None:
            names = _singular(resource)
            kept = [e for e in self._entries if not e.kind or any(_matches(f"(?i){e.kind}", n) for n in names)]
            found = KindPlaces(resource, kept)
            _remember(self._resources, resource, found)
        return found


def _remember(seen: dict[str, _T], name: str, value: _T) -> None:
    """Names come from targets: what is remembered must have an end."""
    if len(seen) >= _REMEMBERED:
        seen.clear()
    if len(name) <= _LONGEST:
        seen[name] = value


def _entry(text: str, strategy: str) -> _Entry:
    if why := problem_with_place(text):
        raise ValueError(f"{text!r}: {why}")
    plain = is_plain(text)
    kind, _, path = (text if plain else place_pattern(text)).partition("/")
    if text.startswith("*/"):
        kind, path = _ANY, place_pattern(text)[len(_ANY) + 1 :]
    if plain:
        return _Entry(strategy, re2.escape(kind), path, Patterns([path], odd=True), (path,))
    if problem_with(kind) or problem_with(path):  # `(Secret/data|ConfigMap/data)/.*`
        return _Entry(strategy, "", text, Patterns([place_pattern(text)], odd=True), ("",))
    return _Entry(strategy, kind, path, Patterns([path], odd=True), _literals(path))


def _matches(kind: str, name: str) -> bool:
    try:
        return re2.fullmatch(kind, name) is not None
    except (re2.error, UnicodeEncodeError):
        return True


def _literals(pattern: str) -> tuple[str, ...]:
    """What every match of a pattern begins with, one of these; less than that is right too."""
    choice = _CHOICE.match(pattern)
    if choice is None:
        return (_literal(pattern),)
    rest = pattern[choice.end() :]
    if rest[:1] in _QUANTIFIERS or _alternates(rest):
        return ("",)
    return tuple(each + _literal(rest) for each in choice[1].split("|"))


def _literal(pattern: str) -> str:
    if _alternates(pattern):
        return ""
    end = next((at for at, letter in enumerate(pattern) if letter in _META), len(pattern))
    if end < len(pattern) and pattern[end] in _QUANTIFIERS:
        end -= 1
    return pattern[: max(end, 0)]


def _alternates(pattern: str) -> bool:
    """Whether an alternative may stand outside every group. True when unsure."""
    depth = 0
    for at, letter in enumerate(pattern):
        if letter in "\\[":
            return "|" in pattern[at:]
        depth += (letter == "(") - (letter == ")")
        if letter == "|" and not depth:
            return True
    return False


def _singular(resource: str) -> list[str]:
    """What a plural may be the plural of."""
    names = [resource, resource.removesuffix("s"), resource.removesuffix("es")]
    return [*names, resource[:-3] + "y"] if resource.endswith("ies") else names
