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

from collections.abc import Iterable, Iterator
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
        if name.startswith(self._home) and name.count(".") == self._parts - 1:
            return self._patterns.matches(name[len(self._home) :])
        return name.count(".") == self._parts - 2 and self._patterns.matches(self._home + name)


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
        tails = self._tails.get(name.count(".") + 1)
        return tails is not None and tails.matches(name)


def _suffixes(name: str) -> Iterator[str]:
    yield name
    while "." in name:
        name = name.partition(".")[2]
        yield name


def _tail(pattern: str, present: int) -> list[str]:
    """What a pattern says of the last `present` parts of a name; the dots it writes are the joints.

    A pattern that cannot be cut there, such as `(hr\\.pay|hr\\.bonus)`, may mean any: it forbids, so it fails closed.
    """
    joint = "." if is_plain(pattern) else r"\."
    pieces = pattern.split(joint)
    if len(pieces) <= present:
        return []
    tail = joint.join(pieces[-present:])
    return [".*"] if not tail or problem_with(tail) else [tail]
