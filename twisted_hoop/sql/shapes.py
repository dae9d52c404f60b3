"""Texts that differ only in the number a column is compared with read the same: one reading serves them all.

Deliberately narrow. Only `name = 123` counts, and only in texts without quotes, dollars, comments or escapes, where
nothing but such a comparison can look like one. Numbers elsewhere may mean something: ORDER BY 2, WHERE 1 = 1.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 2000
"""Longer texts are read one by one: their parsing does not cost less by looking for a shape."""

_SPECIAL: Final = re.compile(r"""['"$\\`]|--|/\*""")
_COMPARED: Final = re.compile(r"(?<![\w.$])([A-Za-z_][A-Za-z0-9_]* ?= ?)[0-9]{1,9}(?![\w.])", re.ASCII)
"""Nine digits at the most: ten may be another type (int8 or numeric) to the parser."""


def shape_of(text: str) -> str:
    """The text with every number that a column is compared with made 0; "" when it has none, or is not plain."""
    if len(text) > LONGEST or not text.isascii() or _SPECIAL.search(text):
        return ""
    parts = _COMPARED.split(text)  # what lies between, and what stands before each number, in turn
    for place in range(1, len(parts), 2):
        parts[place] += "0"
    return "".join(parts) if len(parts) > 1 else ""
