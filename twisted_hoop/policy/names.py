"""Patterns on dotted names (`schema.table`, `schema.table.column`, `schema.function`).

Facts carry names as they stand in the statement, unless they were resolved in the target's catalogue before, and then
they are whole. A name without its schema is judged on the safe side of the rule:

* To permit, it is taken to lie in the schema `home` (`public` for tables, `pg_catalog` for functions), and a pattern
  written without schema means that schema too: `orders` and `public.orders` are the same. What would change that,
  search_path, is a command of its own (class `session`) and part of what is approved (P18).
* To forbid or to ask for review, it may lie in any schema: `salaries` is met by `hr.salaries` and by `hr\\..*`, and a
  pattern `salaries` is met by a table of that name in every schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Protocol

from twisted_hoop.policy.patterns import Patterns, is_plain, problem_with

_REMEMBERED = 2048


class Names(Protocol):
    """Says whether a name is meant."""

    def matches(self, name: str) -> bool: ...


class Permitted:
    """Names an allow rule covers. `parts` is how many a whole name has."""

    __slots__ = ("_home", "_parts", "_patterns")

    def __init__(self, patterns: Iterable[str], parts: int, home: str = "public") -> None:
        self._patterns = Patterns(patterns, odd=False)
        self._parts = parts
        self._home = home + "."

    def matches(self, name: str) -> bool:
        """Whether the name is covered."""
        if self._patterns.matches(name):
            return True
        present = len(parts_of(name))
        if name.startswith(self._home) and present == self._parts:
            return self._patterns.matches(name[len(self._home) :])
        return present == self._parts - 1 and self._patterns.matches(self._home + name)

    def matches_as_written(self, name: str) -> bool:
        """Whether a pattern matches the name just so, without `home`."""
        return self._patterns.matches(name)


class Forbidden:
    """Names a deny or review rule is about. `parts` is how many a whole name has."""

    __slots__ = ("_patterns", "_plain", "_seen", "_tails")

    def __init__(self, patterns: Iterable[str], parts: int) -> None:
        given = tuple(patterns)
        self._plain = frozenset(p for p in given if is_plain(p))
        # One match for all suffixes of a name: the pattern may begin behind any dot.
        self._patterns = Patterns([*self._plain, *(rf"(.*\.)?({p})" for p in given if not is_plain(p))], odd=True)
        self._tails = {
            present: Patterns({tail for p in given for tail in _tail(p, present)}, odd=True)
            for present in range(1, parts)
        }
        self._seen: dict[str, bool] = {}

    def matches(self, name: str) -> bool:
        """Whether the name is meant, or may be."""
        known = self._seen.get(name)
        if known is not None:
            return known
        if len(self._seen) >= _REMEMBERED:
            self._seen.clear()
        answer = self._seen[name] = self._look(name)
        return answer

    def _look(self, name: str) -> bool:
        if self._patterns.matches(name) or not self._plain.isdisjoint(_suffixes(name)):
            return True
        tails = self._tails.get(len(parts_of(name)))
        return tails is not None and tails.matches(name)


def parts_of(name: str) -> list[str]:
    """The parts of a dotted name; a part that holds a dot stands in double quotes."""
    return name.split(".") if '"' not in name else re.findall(r'"(?:[^"]|"")*"|[^."]+', name)


def _suffixes(name: str) -> list[str]:
    parts = parts_of(name)
    return [".".join(parts[n:]) for n in range(len(parts))]


def pieces_of(pattern: str) -> list[str]:
    """A pattern cut at the dots it writes."""
    return pattern.split("." if is_plain(pattern) else r"\.")


def joined(pattern: str, pieces: list[str]) -> str:
    """Pieces of a pattern as a pattern.

    A pattern that cannot be cut there, such as `(hr\\.pay|hr\\.bonus)`, may mean any: it forbids, so it fails closed.
    """
    text = ("." if is_plain(pattern) else r"\.").join(pieces)
    return ".*" if not text or problem_with(text) else text


def _tail(pattern: str, present: int) -> list[str]:
    """What a pattern says of the last `present` parts of a name."""
    pieces = pieces_of(pattern)
    return [joined(pattern, pieces[-present:])] if len(pieces) > present else []
