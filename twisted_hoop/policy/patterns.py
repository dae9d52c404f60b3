"""User-written patterns: plain text or RE2, compiled once, matched against the whole value in linear time (C8).

A pattern without any of the characters ``\\ ^ $ * + ? { } [ ] ( ) |`` is plain text: `public.customers` means that
table and not `publicXcustomers`. Everything else is RE2 (https://github.com/google/re2/wiki/Syntax): no look-around and
no back-references, hence no pattern and no value can make a match slow. `.` also matches a newline, so that an
identifier with a newline in it does not slip past a rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import re2

_META = frozenset("\\^$*+?{}[]()|")
_REMEMBERED = 2048
_NONSENSE = ("x", "zzzzzzzz", "no-such-thing", "QZ_9")


def is_plain(pattern: str) -> bool:
    """Whether the pattern is plain text."""
    return _META.isdisjoint(pattern)


def options() -> re2.Options:
    """The RE2 options every user-written pattern is compiled with."""
    chosen = re2.Options()
    chosen.dot_nl = True
    chosen.log_errors = False
    chosen.never_capture = True
    return chosen


def problem_with(pattern: str) -> str:
    """Why the pattern cannot be used, or "" (C5: a rule that does not compile is refused when it is loaded)."""
    return _doubtful(pattern) if is_plain(pattern) else problem_with_regexp(pattern)


def problem_with_regexp(pattern: str) -> str:
    """Why RE2 cannot use the pattern, or ""."""
    try:
        re2.compile(pattern, options())
    except re2.error as error:
        return f"not an RE2 pattern: {_said(error)}{_advice(pattern)}"
    except UnicodeEncodeError:
        return "not an RE2 pattern: not valid Unicode"
    return ""


def named_by(pattern: str, values: Iterable[str]) -> frozenset[str]:
    """Which of the values the pattern means: those it matches, unless it matches anything at all as `.*` does."""
    single = Patterns([pattern])
    if any(map(single.matches, _NONSENSE)):
        return frozenset()
    return frozenset(filter(single.matches, values))


class Patterns:
    """A list of patterns: matches when one of them matches the whole value.

    `odd` is the answer for a value that is not valid Unicode, which RE2 cannot look at: False where a match permits,
    True where a match forbids. Raises ValueError for a pattern that does not compile.
    """

    __slots__ = ("_odd", "_plain", "_regexp", "_seen")

    def __init__(self, patterns: Iterable[str], odd: bool = False) -> None:
        given = tuple(patterns)
        complex_ones = [p for p in given if not is_plain(p)]
        for pattern in given:
            if why := problem_with(pattern):
                raise ValueError(f"{pattern!r}: {why}")
        self._plain = frozenset(p for p in given if is_plain(p))
        self._regexp: Any = _alternation(complex_ones) if complex_ones else None
        self._odd = odd
        self._seen: dict[str, bool] = {}

    def matches(self, value: str) -> bool:
        """Whether one pattern matches the whole value."""
        if value in self._plain:
            return True
        if self._regexp is None:
            return False
        known = self._seen.get(value)
        return self._search(value) if known is None else known

    def any_of(self, values: Iterable[str]) -> bool:
        """Whether one of the values matches."""
        return any(self.matches(value) for value in values)

    def all_of(self, values: Iterable[str]) -> bool:
        """Whether there is a value and every one matches."""
        found = False
        for value in values:
            if not self.matches(value):
                return False
            found = True
        return found

    def _search(self, value: str) -> bool:
        try:
            answer = self._regexp.fullmatch(value.encode()) is not None
        except UnicodeEncodeError:
            return self._odd
        if len(self._seen) >= _REMEMBERED:  # values come from clients: what is remembered must have an end
            self._seen.clear()
        self._seen[value] = answer
        return answer


def _alternation(patterns: list[str]) -> Any:
    # Each was compiled by itself before, so none can close the group it stands in.
    return re2.compile("|".join(f"(?:{p})" for p in patterns), options())


def _doubtful(pattern: str) -> str:
    if not pattern:
        return "an empty pattern matches nothing: remove it"
    if ".." in pattern or pattern.startswith(".") or pattern.endswith("."):
        return r"without any of \^$*+?{}[]()| this is plain text and its dots are dots: write `.*` for anything"
    return ""


def _said(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)


def _advice(pattern: str) -> str:
    if pattern == "*":
        return ' (write ".*" for anything)'
    if "(?=" in pattern or "(?!" in pattern or "(?<" in pattern:
        return " (RE2 has no look-around: write a second rule in front instead)"
    return ""
