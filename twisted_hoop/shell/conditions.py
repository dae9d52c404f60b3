"""Words that shells evaluate as arithmetic, which runs what stands in subscripts: `a[$(command)]` (C1)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from twisted_hoop.shell.values import Value, is_number

_COMPARES = frozenset({"-eq", "-ne", "-lt", "-le", "-gt", "-ge"})
_NAMES = frozenset({"-v", "-R"})
_SUBSCRIPT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\[")
_SIGNED = re.compile(r"[-+]?[0-9]+")


def is_plain_number(value: Value) -> bool:
    """Whether nothing is left to evaluate."""
    return is_number(value) or (value.literal and _SIGNED.fullmatch(value.text) is not None)


def has_subscript(value: Value) -> bool:
    """Whether the word may name an element of an array."""
    return _SUBSCRIPT.match(value.text) is not None


def evaluated(words: Sequence[Value]) -> str:
    """Why the words of a test may run something; "" when they cannot."""
    for at, word in enumerate(words):
        if word.text in _COMPARES and not all(map(is_plain_number, _around(words, at))):
            return "a comparison of numbers that are not known"
        if word.text in _NAMES and any(map(has_subscript, words[at + 1 : at + 2])):
            return "a subscript that is evaluated"
    return ""


def _around(words: Sequence[Value], at: int) -> list[Value]:
    """The operands of a comparison; an operator with none is a word like others."""
    return [words[at - 1], words[at + 1]] if 0 < at < len(words) - 1 else []
