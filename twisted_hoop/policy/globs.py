"""Rules about words that a shell has yet to expand: `*.log` stands for whatever is there when the command runs.

A glob comes as text in which `**` means anything, `*` anything without `/`, `?` one character that is not `/`, and a
backslash takes the meaning from what follows it. A rule that forbids is met when some expansion may be met; a rule that
permits must cover the text and every probe of it (C1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import re2

from twisted_hoop.policy.patterns import Patterns, is_plain, options

_TOKEN = re.compile(r"\*\*|\*|\?|\\(.)|([^*?\\]+)", re.S)
_MEANING = {"**": "(?s:.*)", "*": "[^/]*", "?": "[^/]"}
_PROBES = (
    {"**": "", "*": "", "?": "x"},
    {"**": "x/.Zz-ä", "*": "Zz-ä_9", "?": "Z"},
    {"**": "etc/shadow", "*": "no.such thing", "?": "9"},
)
_PIECE = re.compile(r"\\.|.", re.S)
_LITERAL = re.compile(r"[\w/ ~:,=@%-]|\\[^\w\s]", re.A)
_LONGEST = 128
_REMEMBERED = 1024


def probes_of(glob: str) -> list[str]:
    """Values that the glob may expand to: a permitting rule must cover them all."""
    return ["".join(_substituted(glob, probe)) for probe in _PROBES]


def _substituted(glob: str, probe: dict[str, str]) -> Iterable[str]:
    for match in _TOKEN.finditer(glob):
        yield probe.get(match[0]) or match[1] or match[2] or ""


class GlobMeets:
    """Whether something a glob stands for may be met by one of the patterns. Errs towards yes."""

    __slots__ = ("_complex", "_plain", "_seen")

    def __init__(self, patterns: Iterable[str]) -> None:
        given = tuple(patterns)
        self._plain = tuple(p.encode("utf-8", "replace") for p in given if is_plain(p))
        self._complex = tuple(_range_of(p) for p in given if not is_plain(p))
        self._seen: dict[str, bool] = {}

    def matches(self, glob: str) -> bool:
        """Whether the glob may be met."""
        known = self._seen.get(glob)
        if known is None:
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            known = self._seen[glob] = self._look(glob)
        return known

    def _look(self, glob: str) -> bool:
        head, tail = _ends(glob)
        if any(_may_meet(head, tail, *known) for known in self._complex):
            return True
        if not self._plain:
            return False
        try:
            expanded: Any = re2.compile(_as_regexp(glob), options())
        except (re2.error, UnicodeEncodeError):  # too large, or not Unicode: it may be anything
            return True
        return any(expanded.fullmatch(plain) is not None for plain in self._plain)


class GlobCovered:
    """Whether a permitting rule covers a glob: the patterns match every probe."""

    __slots__ = ("_patterns",)

    def __init__(self, patterns: Patterns) -> None:
        self._patterns = patterns

    def matches(self, glob: str) -> bool:
        """Whether the glob is covered."""
        return all(map(self._patterns.matches, probes_of(glob)))


def _as_regexp(glob: str) -> str:
    parts = []
    for match in _TOKEN.finditer(glob):
        parts.append(_MEANING.get(match[0]) or str(re2.escape(match[1] or match[2] or "")))
    return "".join(parts)


def _ends(glob: str) -> tuple[bytes, bytes]:
    """The literal text before the first and behind the last thing to expand."""
    parts = [(match[0] in _MEANING, match[1] or match[2] or "") for match in _TOKEN.finditer(glob)]
    head = tail = ""
    for operator, text in parts:
        if operator:
            break
        head += text
    for operator, text in reversed(parts):
        if operator:
            break
        tail = text + tail
    return head.encode("utf-8", "replace"), tail.encode("utf-8", "replace")


def _range_of(pattern: str) -> tuple[bytes, bytes, bytes]:
    """(least, greatest, end): what the pattern matches lies between the first two and ends with the third."""
    compiled: Any = re2.compile(f"(?:{pattern})", options())
    try:
        least, greatest = compiled.possiblematchrange(_LONGEST)
    except re2.error:
        least, greatest = b"", b"\xff"
    return least, greatest, _end_of(pattern)


def _end_of(pattern: str) -> bytes:
    r"""The literal end of a pattern such as `.*\.pem`; nothing where that cannot be told."""
    if "|" in pattern or "(?" in pattern or re.search(r"\\[pPxQ0-9]", pattern):
        return b""
    tail: list[str] = []
    for piece in reversed(_PIECE.findall(pattern)):
        if not _LITERAL.fullmatch(piece):
            break
        tail.append(piece[-1])
    return "".join(reversed(tail)).encode("utf-8", "replace")


def _may_meet(head: bytes, tail: bytes, least: bytes, greatest: bytes, end: bytes) -> bool:
    if end and tail and not (tail.endswith(end) or end.endswith(tail)):
        return False
    return head[: len(greatest)] <= greatest and head + b"\xff" * _LONGEST >= least
