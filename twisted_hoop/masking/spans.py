"""Replacing what a detector finds inside a text: each find by its own mask's strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from twisted_hoop.masking.detectors import Detector, Span
from twisted_hoop.masking.pgtypes import STARS
from twisted_hoop.masking.strategies import replace_text, strictest

Look = Callable[[bytes], bytes]
"""Text in, text with what was found replaced out; the same object when nothing was found."""

_STAR: Final = b"*"


class SpanMasker:
    """A detector and, for each of its names, the strategy for what it finds. Shared; keeps nothing of a value."""

    __slots__ = ("_fixed", "_key", "_strategies", "_wrap", "detector")

    def __init__(self, detector: Detector, strategies: Mapping[str, str], key: bytes, wrap: Look | None = None) -> None:
        self.detector = detector
        self._strategies = dict(strategies)
        self._key = key
        self._wrap = wrap
        self._fixed = frozenset([name for name, strategy in self._strategies.items() if strategy in ("redact", "null")])

    def wrapped(self, wrap: Look) -> SpanMasker:
        """The same, with `wrap` around every replacement."""
        return SpanMasker(self.detector, self._strategies, self._key, wrap)

    def mask(self, data: bytes, found: list[str], rules: Sequence[int] | None = None) -> bytes:
        """`data` with every find replaced; their names are added to `found`. The same object when there is none.

        `rules`: see `Detector.spans`.
        """
        spans = self.detector.spans(data, rules)
        if not spans:
            return data
        return _joined(data, spans, [self.replacement(data, span) for span in spans], found)

    def star(self, data: bytes, found: list[str]) -> bytes:
        """The same, keeping the length: for binary values whose inner lengths we do not know."""
        spans = self.detector.spans(data)
        return _joined(data, spans, [_STAR * (span.end - span.start) for span in spans], found) if spans else data

    def replacement(self, data: bytes, span: Span) -> bytes:
        """What `span` of `data` becomes: the strictest strategy of the masks that found it."""
        if span.name in self._fixed:  # nothing of the value shows, whoever else found it
            shown = STARS
        else:
            strategy = strictest([self._strategies[name] for name in (span.name, *span.others)])
            shown = replace_text(strategy, self._key, data[span.start : span.end])
        return shown if self._wrap is None else self._wrap(shown)


def _joined(data: bytes, spans: list[Span], shown: list[bytes], found: list[str]) -> bytes:
    """`data` with `shown` in the place of `spans`, whose names are added to `found`."""
    out: list[bytes] = []
    at = 0
    for place, span in enumerate(spans):
        out.append(data[at : span.start])
        out.append(shown[place])
        at = span.end
        found.append(span.name)
    out.append(data[at:])
    return b"".join(out)
