"""Names of JSON members and CSV columns in streams of text, and how what stands under them is hidden.

Nobody can say where a value of a stream comes from; its name in the stream is all there is. A program that prints the
value under another name, or in another format, is past these masks: detectors are for that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from twisted_hoop.masking.strategies import hashed_text, partial, strictest
from twisted_hoop.policy.patterns import Patterns
from twisted_hoop.settings import MaskSection

STARS: Final = b"*****"
_REMEMBERED: Final = 4096
_LONGEST_NAME: Final = 512


class Fields:
    """The `fields` of some masks. Shared; keeps nothing of a value.

    A name is matched as it stands and in lower case, without the blanks around it. Raises ValueError for a pattern that
    does not compile.
    """

    __slots__ = ("_key", "_masks", "_seen")

    def __init__(self, masks: Iterable[MaskSection], key: bytes) -> None:
        self._masks = tuple((m.name, Patterns(m.fields, odd=True), m.strategy) for m in masks if m.fields)
        self._key = key
        self._seen: dict[bytes, str] = {}

    def __bool__(self) -> bool:
        return bool(self._masks)

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
