"""Replacing what a detector finds inside a text: each find by its own mask's strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from twisted_hoop.masking.detectors import Detector, Span
from twisted_hoop.masking.strategies import replace_text, strictest

Look = Callable[[bytes], bytes]
"""Text in, text with what was found replaced out; the same object when nothing was found."""

_STAR: Final = b"*"


class SpanMasker:
    """A detector and, for each of its names, the strategy for what it finds. Shared; keeps nothing of a value."""

    __slots__ = ("_key", "_strategies", "_wrap", "detector")

    def __init__(self, detector: Detector, strategies: Mapping[str, str], key: bytes, wrap: Look | None = None) -> None:
        self.detector = detector
        self._strategies = dict(strategies)
        self._key = key
        self._wrap = wrap

    def wrapped(self, wrap: Look) -> SpanMasker:
        """The same, with `wrap` around every replacement."""
        return SpanMasker(self.detector, self._strategies, self._key, wrap)

    def mask(self, data: bytes, found: list[str]) -> bytes:
        """`data` with every find replaced; their names are added to `found`. The same object when there is none."""
        return self._replace(data, found, self.replacement)

    def star(self, data: bytes, found: list[str]) -> bytes:
        """The same, keeping the length: for binary values whose inner lengths we do not know."""
        return self._replace(data, found, lambda data, span: _STAR * (span.end - span.start))

    def replacement(self, data: bytes, span: Span) -> bytes:
        """What `span` of `data` becomes: the strictest strategy of the masks that found it."""
        strategy = strictest(self._strategies[name] for name in (span.name, *span.others))
        shown = replace_text(strategy, self._key, data[span.start : span.end])
        return shown if self._wrap is None else self._wrap(shown)

    def _replace(self, data: bytes, found: list[str], replacement: Callable[[bytes, Span], bytes]) -> bytes:
        spans = self.detector.spans(data)
        if not spans:
            return data
        out: list[bytes] = []
        at = 0
        for span in spans:
            out += (data[at : span.start], replacement(data, span))
            at = span.end
            found.append(span.name)
        out.append(data[at:])
        return b"".join(out)
