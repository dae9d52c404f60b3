"""Text cut into words that every database indexes alike. Pure.

Words are runs of letters and digits, folded: `DELETE FROM Straße` is `delete`, `from`, `strasse`. Whole values (a
target, a table, a path) become marks: a letter and the folded value in hexadecimal, so that beginnings of values are
beginnings of marks, and no database cuts them anew.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_TEXT = 65_536
"""Characters of a command that are searchable; the recording has them all."""
MAX_WORDS = 16_000
"""Words of a command that are searchable: PostgreSQL counts positions to 16,383."""
MAX_WORD = 64
_MAX_VALUE = 400
_WORD = re.compile(r"[^\W_]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")

MARKS = {
    "person": "p",
    "target": "t",
    "protocol": "o",
    "table": "b",
    "path": "f",
    "decision": "d",
    "rule": "r",
    "session": "s",
}
"""What marks there are, and the letter each begins with."""


def folded(text: str) -> str:
    """The text as it is compared: compatibility forms and case are one (Unicode: NFKC, full case folding)."""
    return unicodedata.normalize("NFKC", text).casefold()


def words_of(text: str, limit: int = MAX_WORDS) -> tuple[str, ...]:
    """The words, in order; of more than MAX_WORD characters the beginning."""
    if len(text) > MAX_TEXT:
        text = text[:MAX_TEXT]
    if not text.isascii():
        found = _WORD.finditer(folded(text))
        return tuple(match[0][:MAX_WORD] for match, _ in zip(found, range(limit), strict=False))
    words = _ASCII_WORD.findall(text.lower())  # the same for what most commands are made of, in a third of the time
    return tuple([word[:MAX_WORD] for word in words[:limit]] if len(text) > MAX_WORD else words[:limit])


def mark_of(name: str, value: str) -> str:
    """The mark of a value: `target`, `shop` → `t73686f70`."""
    raw = folded(value.strip()).encode("utf-8", "surrogatepass")[:_MAX_VALUE]
    return MARKS[name] + raw.hex()


def marks_of(name: str, values: Iterable[str]) -> tuple[str, ...]:
    """The marks of some values, without the empty ones."""
    return tuple(mark_of(name, value) for value in values if value.strip())
