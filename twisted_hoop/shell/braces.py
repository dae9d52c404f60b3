"""Brace expansion of bash and zsh: `{a,b}` and `{1..3}`. dash has none, so what comes of it differs between shells."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Union

from twisted_hoop.shell.tree import Literal, Part

MOST = 64
"""Words that one may become; with more it is not expanded."""

_LONGEST = 4096

Item = Union[str, Part]
"""An unquoted character, or anything else."""

_SEQUENCE = re.compile(r"(-?[0-9]+|[A-Za-z])\.\.(-?[0-9]+|[A-Za-z])(?:\.\.(-?[0-9]+))?")


class TooMany(Exception):
    """More words than are looked at."""


def has_braces(parts: tuple[Part, ...]) -> bool:
    """Whether some shell may expand the word."""
    bare = "".join(part.text for part in parts if isinstance(part, Literal) and not part.quoted)
    return "{" in bare and ("," in bare or ".." in bare)


def alternatives(parts: tuple[Part, ...]) -> list[tuple[Part, ...]]:
    """The words that one becomes; itself when there is nothing to expand. Raises TooMany."""
    items: list[Item] = []
    for part in parts:
        items += part.text if isinstance(part, Literal) and not part.quoted else [part]
    if len(items) > _LONGEST or items.count("{") > MOST:
        raise TooMany("braces in a long word")
    found = _expanded(items)
    return [parts] if found == [items] else [_parts(words) for words in found]


def _expanded(items: list[Item]) -> list[list[Item]]:
    for start, item in enumerate(items):
        if item != "{":
            continue
        if choice := _choices(items, start):
            choices, end = choice
            heads = [items[:start] + inner for option in choices for inner in _expanded(option)]
            tails = _expanded(items[end:])
            if len(heads) * len(tails) > MOST:
                raise TooMany("a brace expansion to many words")
            return [head + tail for head in heads for tail in tails]
    return [items]


def _choices(items: list[Item], start: int) -> tuple[list[list[Item]], int] | None:
    """What stands between the brace at `start` and its end, cut at commas, and the place behind it."""
    depth, cuts = 0, [start]
    for at in range(start, len(items)):
        item = items[at]
        depth += (item == "{") - (item == "}")
        if item == "," and depth == 1:
            cuts.append(at)
        if depth == 0:
            cuts.append(at)
            pieces = [items[a + 1 : b] for a, b in pairwise(cuts)]
            choices = pieces if len(pieces) > 1 else _sequence(pieces[0])
            return (choices, at + 1) if choices else None
    return None


def _sequence(items: list[Item]) -> list[list[Item]]:
    match = _SEQUENCE.fullmatch("".join(item if isinstance(item, str) else "\0" for item in items))
    if match is None:
        return []
    first, last, step = match.groups()
    if first.isalpha() != last.isalpha() or len(first) > 6 or len(last) > 6:
        raise TooMany("a sequence in braces")
    low, high = (ord(first), ord(last)) if first.isalpha() else (int(first), int(last))
    by = abs(int(step or 1)) or 1
    if abs(high - low) // by >= MOST:
        raise TooMany("a brace expansion to many words")
    width = max(len(first), len(last)) if _padded(first, last) else 0
    numbers = range(low, high + 1, by) if low <= high else range(low, high - 1, -by)
    return [list(chr(n) if first.isalpha() else f"{n:0{width}d}") for n in numbers]


def _padded(first: str, last: str) -> bool:
    return any(len(text.lstrip("-")) > 1 and text.lstrip("-").startswith("0") for text in (first, last))


def _parts(items: list[Item]) -> tuple[Part, ...]:
    found: list[Part] = []
    text = ""
    for item in items:
        if isinstance(item, str):
            text += item
            continue
        found += [Literal(text)] if text else []
        found.append(item)
        text = ""
    return tuple([*found, Literal(text)] if text or not found else found)
