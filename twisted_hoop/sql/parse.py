"""From a SQL text to PostgreSQL's own parse tree, without letting a hostile text end or stall the process.

The parser is libpg_query (PostgreSQL 18's grammar, through postgast). Its output code recurses, so a tree some 20 000
levels deep ends the process, comments nested in comments take quadratic time, and everything costs a few microseconds
a token. Therefore: short texts are parsed at once (nothing that fits in `DIRECT` characters can do harm: measured),
longer ones only after one linear pass that estimates depth and cost from above, and texts beyond `LARGEST` never.
The protobuf decoder adds its own bound of 100 message levels, which is what keeps tree walkers shallow.

This is deliberately not a validator: what PostgreSQL of another version would accept and this one does not is
"unknown", never "harmless".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import postgast
from google.protobuf.message import DecodeError

DIRECT = 2048
"""Characters up to which a text is parsed without looking at it first: at most about 10 ms, whatever it holds."""
LARGEST = 65536
"""Characters beyond which a text is never parsed here."""
DEEPEST = 300
"""Levels of nesting, or links of an operator, JOIN or UNION chain, that the pass lets through."""
COSTLIEST = 6500
"""Words, operators, brackets and commas that the pass lets through: at most some 40 ms. A semicolon counts as ten."""
DEEPEST_COMMENT = 16

_TOKEN = re.compile(
    r"""
      --[^\n\r]*+
    | (?P<comment>/\*)
    | (?<![\w$])[eE]'(?:[^'\\]++|\\.|'')*+(?P<escaped>'?)
    | '[^']*+(?P<plain>'?)
    | "[^"]*+(?P<quoted>"?)
    | (?P<dollar>\$(?:[^\W\d]\w*+)?\$)
    | (?P<word>[^\W\d][\w$]*+)
    | (?P<operator>(?:(?!--|/\*)[+\-*/<>=~!@\#%^&|`?:])++)
    | (?P<punctuation>[()\[\],;])
    """,
    re.VERBOSE | re.DOTALL,
)
_OPENING = frozenset(("(", "[", "case"))
_FRESH = frozenset((",", "and", "or", "when", "then", "else"))
_STICKY = frozenset(("join", "union", "intersect", "except"))
_LINK_WORDS = "not is isnull notnull collate at like ilike similar between in escape prepare explain row overlaps"
_LINKS = frozenset(_LINK_WORDS.split())
Problem = Literal["", "unknown", "oversize"]


@dataclass(frozen=True, slots=True)
class Parsed:
    """What became of a text: `tree` is a `ParseResult` message, or None with the `problem` and `why`."""

    tree: Any = None
    problem: Problem = ""
    why: str = ""


def parse_text(text: str) -> Parsed:
    """Parse the text, or say why not. Never raises, never runs longer than about 50 ms."""
    if "\0" in text:
        # The C parser would stop at the NUL and judge only what stands before it.
        return Parsed(problem="unknown", why="the text contains a NUL character")
    if len(text) > LARGEST:
        return Parsed(problem="oversize", why=f"longer than {LARGEST} characters")
    if len(text) > DIRECT and (refused := measure(text)) is not None:
        return refused
    return _parse(text)


def _parse(text: str) -> Parsed:
    try:
        return Parsed(postgast.parse(text))
    except postgast.PgQueryError as error:
        return _complaint(error.message)
    except UnicodeError:
        return Parsed(problem="unknown", why="the text is not valid Unicode")
    except DecodeError:
        return Parsed(problem="oversize", why="nested too deeply")


def _complaint(message: str) -> Parsed:
    if message.startswith(("memory exhausted", "stack depth limit")):
        return Parsed(problem="oversize", why="nested too deeply")
    return Parsed(problem="unknown", why=message)


def measure(text: str) -> Parsed | None:
    """Why the text must not be parsed, or None. One pass, linear in the text, without recursion."""
    meter = _Meter()
    position = 0
    while (match := _TOKEN.search(text, position)) is not None:
        position = match.end()
        group = match.lastgroup
        if group == "comment":
            position = _after_comment(text, position)
        elif group == "dollar":
            position = _after_dollars(text, match[0], position)
        elif group in ("escaped", "plain", "quoted"):
            position = position if match[group] else -1
        if position < 0:
            return _unended(position)
        if meter.take(group, match[0]):
            return Parsed(problem="oversize", why=meter.why)
    return None


def _unended(position: int) -> Parsed:
    if position == -2:
        return Parsed(problem="oversize", why="comments nested too deeply")
    return Parsed(problem="unknown", why="unterminated quote or comment")


def _after_dollars(text: str, tag: str, position: int) -> int:
    """Where the dollar-quoted string opened before `position` ends, or -1."""
    end = text.find(tag, position)
    return end + len(tag) if end >= 0 else -1


_COMMENT_EDGE = re.compile(r"/\*|\*/")


def _after_comment(text: str, position: int) -> int:
    """Where the comment opened before `position` ends; -1: nowhere, -2: nested too deeply. Comments nest."""
    depth = 1
    for edge in _COMMENT_EDGE.finditer(text, position):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
        if depth > DEEPEST_COMMENT:
            return -2
    return -1


class _Meter:
    """Estimates from above how deep the tree of the tokens seen so far can be, and what they cost.

    `depth` grows with every opening and every link of a chain, and falls back to where the enclosing bracket or list
    item began. JOIN and UNION chains go on across commas, so they raise that base itself.
    """

    __slots__ = ("base", "cost", "depth", "stack", "why")

    def __init__(self) -> None:
        self.depth = self.base = self.cost = 0
        self.stack: list[tuple[str, int, int]] = []
        self.why = ""

    def take(self, group: str | None, word: str) -> bool:
        """Count one token; True when a limit is passed, and `why` says which."""
        self.cost += 1
        if group == "operator":
            self.depth += len(word)  # PostgreSQL's scanner takes quadratic time over `++++…`
        elif group == "punctuation":
            self._structure(word)
        elif group == "word" and len(word) <= 9:
            self._structure(word.lower())
        if self.depth > DEEPEST:
            self.why = "nested too deeply"
        elif self.cost > COSTLIEST:
            self.why = "too many words to be understood in time"
        return bool(self.why)

    def _structure(self, word: str) -> None:
        if word in _OPENING:
            self.cost += 1
            self.stack.append((word, self.base, self.depth))
            self.depth += 1
            self.base = self.depth
        elif word in _FRESH:
            self.depth = self.base
        elif word in _STICKY:
            self.base += 1
            self.depth = self.base
        elif word in _LINKS:
            self.depth += 1
        elif word in (")", "]", "end"):
            self._close(word)
        elif word == ";":
            self.cost += 9
            if not self.stack:
                self.depth = self.base = 0

    def _close(self, word: str) -> None:
        """Leave a level. END closes a CASE only: as a column's label it closes nothing."""
        if word == "end":
            if self.stack and self.stack[-1][0] == "case":
                _, self.base, self.depth = self.stack.pop()
            return
        while self.stack:
            opening, self.base, self.depth = self.stack.pop()
            if opening != "case":
                return
