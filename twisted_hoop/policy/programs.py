"""Patterns on programs of shell commands. Facts hold the name, and the path as well where the command gives one.

* To permit, `rm` covers the plain word and the paths of it where systems keep their programs; another path must be
  covered as it stands, for what lies there may be anything.
* To forbid or to ask for review, `rm` is met by any path that ends in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from twisted_hoop.policy.patterns import Patterns

HOMES = frozenset({"/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"})
"""Where a program is the one its name says."""


class PermittedPrograms:
    """Programs an allow rule covers."""

    __slots__ = ("_patterns",)

    def __init__(self, patterns: Iterable[str]) -> None:
        self._patterns = Patterns(patterns, odd=False)

    def covers(self, programs: Set[str]) -> bool:
        """Whether there is a program and every one is covered."""
        paths = {program for program in programs if "/" in program}
        names = programs - paths - {path.rpartition("/")[2] for path in paths}
        return bool(programs) and all(map(self._patterns.matches, names)) and all(map(self._covers_path, paths))

    def _covers_path(self, path: str) -> bool:
        home, _, name = path.rpartition("/")
        return self._patterns.matches(path) or (home in HOMES and self._patterns.matches(name))
