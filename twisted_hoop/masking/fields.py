"""Names of JSON members and CSV columns in streams of text, and how what stands under them is hidden.

Nobody can say where a value of a stream comes from; its name in the stream is all there is. A program that prints the
value under another name, or in another format, is past these masks: detectors are for that.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import re2

from twisted_hoop.masking.strategies import hashed_text, partial, strictest
from twisted_hoop.policy.patterns import Patterns, is_plain
from twisted_hoop.settings import MaskSection

STARS: Final = b"*****"
_REMEMBERED: Final = 4096
_LONGEST_NAME: Final = 512
_ANCHOR: Final = re.compile(r"[\^$]|\\[AbBz]")
_ESCAPED: Final = r"\\u[0-9A-Fa-f]{4}"


class Fields:
    """The `fields` of some masks. Shared; keeps nothing of a value.

    A name is matched as it stands and in lower case, without the blanks around it. Raises ValueError for a pattern that
    does not compile.
    """

    __slots__ = ("_filter", "_key", "_masks", "_seen")

    def __init__(self, masks: Sequence[MaskSection], key: bytes) -> None:
        self._masks = tuple((m.name, Patterns(m.fields, odd=True), m.strategy) for m in masks if m.fields)
        self._key = key
        self._seen: dict[bytes, str] = {}
        self._filter = _filter([p for m in masks if m.fields for p in m.fields])

    def __bool__(self) -> bool:
        return bool(self._masks)

    def might(self, data: bytes) -> bool:
        """Whether a name that is to be hidden may stand in `data`. False is certain."""
        return self._filter is None or self._filter.search(data) is not None

    def find(self, data: bytes, at: int) -> int:
        """Where, from `at` on, a name that is to be hidden may begin, or -1. -1 is certain."""
        if self._filter is None:
            return at
        found = self._filter.search(data, at)
        return -1 if found is None else int(found.start())

    def strategy(self, name: bytes) -> str:
        """How values under this name are hidden; "" when they are not."""
        known = self._seen.get(name)
        if known is not None:
            return known
        answer = self._look_up(name)
        if len(self._seen) >= _REMEMBERED:  # names come from targets: what is remembered must have an end
            self._seen.clear()
        if len(name) <= _LONGEST_NAME:
            self._seen[name] = answer
        return answer

    def _look_up(self, name: bytes) -> str:
        text = name.decode("utf-8", "replace").strip()
        names = (text, text.lower())
        hits = [strategy for _, patterns, strategy in self._masks if patterns.any_of(names)]
        return strictest(hits) if hits else ""

    def replacement(self, strategy: str, value: bytes) -> bytes:
        """What a text value becomes: `null` becomes nothing at all, where the format has no null."""
        if strategy == "partial":
            return partial(value)
        if strategy == "hash":
            return hashed_text(self._key, value)
        return b"" if strategy == "null" else STARS


def _filter(patterns: Sequence[str]) -> Any:
    """One search for all the names anywhere in a text; None when it cannot tell, as with anchors.

    A name that is written with JSON's escapes is none the less a name: the search finds the escapes.
    """
    if any(_ANCHOR.search(p) for p in patterns if not is_plain(p)):
        return None
    options = re2.Options()
    options.log_errors, options.never_capture, options.dot_nl = False, True, True
    options.case_sensitive = False
    every = [re2.escape(p) if is_plain(p) else f"(?:{p})" for p in patterns]
    return re2.compile("|".join((*every, _ESCAPED)), options)
