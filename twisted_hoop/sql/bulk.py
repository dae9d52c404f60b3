"""INSERT … VALUES of many rows of plain constants, too long for the parser.

Such a text is linear: a head, then rows of constants. The head with the first row goes through PostgreSQL's parser as
usual; that nothing but rows of constants follows is shown by one regular expression that cannot backtrack, over a
language simple enough to be the same in every version (numbers, plain strings, NULL, TRUE, FALSE, DEFAULT). Anything
else, such as an escape string, a call, a cast, a comment, a RETURNING, and the text stays "oversize".
"""

from __future__ import annotations

import re

LARGEST_BULK = 1 << 20
"""Characters up to which the tail is looked at: about 50 ms."""

_NUMBER = r"-?[0-9]++(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?(?![\w.$'])"
_CONSTANT = rf"(?:'(?:[^']++|'')*+'|{_NUMBER}|(?:null|true|false|default)\b)"
_ROW = rf"\(\s*+{_CONSTANT}(?:\s*+,\s*+{_CONSTANT})*+\s*+\)"
_HEAD = re.compile(
    r"""\s*+insert\s++into\s++(?:[\w]++|"[^"]++")(?:\s*+\.\s*+(?:[\w]++|"[^"]++"))?"""
    r"""(?:\s*+\((?:\s*+(?:[\w]++|"[^"]++")\s*+,?)++\s*+\))?\s*+values\s*+""",
    re.IGNORECASE,
)
_TAIL = re.compile(rf"(?:\s*+,\s*+{_ROW})*+\s*+;?\s*+", re.IGNORECASE)
_FIRST = re.compile(_ROW, re.IGNORECASE)
_STRING = re.compile(r"'((?:[^']++|'')*+)'")


def head_of_bulk(text: str) -> tuple[str, tuple[str, ...]] | None:
    """The same INSERT with its first row only, and all string constants; None when the text is anything else."""
    if len(text) > LARGEST_BULK or "\0" in text:
        return None
    head = _HEAD.match(text)
    first = _FIRST.match(text, head.end()) if head else None
    if first is None or _TAIL.fullmatch(text, first.end()) is None:
        return None
    values = _STRING.findall(text, first.start())
    return text[: first.end()], tuple(v.replace("''", "'") for v in values)
