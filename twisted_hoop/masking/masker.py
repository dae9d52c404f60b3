"""The masks of one target, compiled once: what the sessions' relays ask for maskers, detectors and redaction.

Which masks hold for whom is decided elsewhere: every question here names the masks that do.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from twisted_hoop.lineage.catalogue import TypeInfo
from twisted_hoop.masking.detectors import Detector
from twisted_hoop.masking.fields import Fields
from twisted_hoop.masking.formstreams import FormMasker
from twisted_hoop.masking.jsonstreams import JsonMasker
from twisted_hoop.masking.messages import Field, redact_fields
from twisted_hoop.masking.requests import RequestMask
from twisted_hoop.masking.shown import shown
from twisted_hoop.masking.spans import SpanMasker
from twisted_hoop.masking.strategies import CellMasker, masker_for, strictest
from twisted_hoop.masking.streams import StreamLooker, StreamMasker
from twisted_hoop.masking.structured import ContentMasker, mask_content
from twisted_hoop.settings import MaskSection

__all__ = ["CellMasker", "ContentMasker", "MaskSet"]

_REMEMBERED: Final = 256
_NO_TYPES: Final[Mapping[int, TypeInfo]] = {}


class MaskSet:
    """See the module. `key` makes hashes: the same in every replica of the gateway. Raises ConfigurationError."""

    def __init__(self, masks: Sequence[MaskSection], key: bytes) -> None:
        self._sections = {mask.name: mask for mask in masks}
        self._key = key
        self._maskers: dict[frozenset[str], SpanMasker | None] = {}
        self._fields: dict[frozenset[str], Fields] = {}
        self.names = frozenset(self._sections)
        everything = [m for m in masks if m.detect or m.patterns]
        self._every = self._build(everything)
        self._responses = self._span_masker(self.names)
        self._requests = tuple(self._request(m) for m in everything if m.direction == "request")
        self.looks_inward: Final = bool(self._requests)
        """Whether any mask looks at what goes in."""
        self.hides_parameters: Final = self._every is not None
        """Whether `value_for_recording` may hide something."""

    @property
    def detector(self) -> Detector | None:
        """Finds what any response mask looks for; None when there is none."""
        return None if self._responses is None else self._responses.detector

    def detector_for(self, effective: frozenset[str]) -> Detector | None:
        """Finds what the response masks of these names look for; None when they look for nothing."""
        masker = self._span_masker(effective)
        return None if masker is None else masker.detector

    def column_masker(
        self,
        names: str | Iterable[str],
        type_oid: int,
        typmod: int,
        fmt: int,
        types: Mapping[int, TypeInfo],
        derived: bool = False,
    ) -> CellMasker:
        """How a column under these masks is replaced: by the strictest strategy of them. An unknown name redacts.

        `derived`: an expression over the column. What `partial` leaves of it could be any part of the value that the
        client chose (`repeat(substr(card, 1, 4), 4)`), and what `hash` makes of one character is soon known for all
        ten digits: both are redacted.
        """
        every = (names,) if isinstance(names, str) else names
        strategies = [self._sections[n].strategy if n in self._sections else "redact" for n in every]
        if derived:
            strategies.append("redact")
        return masker_for(strictest(strategies or ["redact"]), type_oid, typmod, fmt, types, self._key)

    def content_masker(
        self, effective: frozenset[str], type_oid: int, fmt: int, types: Mapping[int, TypeInfo]
    ) -> ContentMasker | None:
        """What hides finds in a column that is shown otherwise; None when there is nothing to look for in that type."""
        masker = self._span_masker(effective)
        if masker is None:
            return None
        content = ContentMasker(masker, type_oid, fmt, types)
        return None if content.reach == "never" else content

    def stream_masker(self, effective: frozenset[str]) -> StreamMasker | None:
        """What hides values in one stream of text, JSON members and CSV columns included; None when nothing is hidden.

        A new one for every stream. Raises ValueError for a pattern of `fields` that does not compile.
        """
        fields = self._fields_of(effective)
        spans = self._span_masker(effective)
        return StreamMasker(spans, fields) if spans is not None or fields else None

    def json_masker(self, effective: frozenset[str]) -> JsonMasker | None:
        """The same for one body that is JSON: what comes out is JSON again."""
        fields, spans = self._fields_of(effective), self._span_masker(effective)
        return JsonMasker(spans, fields) if spans is not None or fields else None

    def spans(self, effective: frozenset[str]) -> SpanMasker | None:
        """What hides finds of detectors in text; None when the response masks of these names have none."""
        return self._span_masker(effective)

    def fields(self, effective: frozenset[str]) -> Fields:
        """The names of members and columns that the response masks of these names hide; false when there are none."""
        return self._fields_of(effective)

    def form_masker(self, effective: frozenset[str]) -> FormMasker | None:
        """The same for one form body."""
        fields, spans = self._fields_of(effective), self._span_masker(effective)
        return FormMasker(spans, fields) if spans is not None or fields else None

    def stream_looker(self, effective: frozenset[str]) -> StreamLooker | None:
        """What looks at one stream that goes in (`direction = "request"`); None when no mask does."""
        masks = self.request_masks(effective)
        return StreamLooker(masks) if masks else None

    def _fields_of(self, effective: frozenset[str]) -> Fields:
        key = effective & self.names
        if key not in self._fields:
            if len(self._fields) >= _REMEMBERED:
                self._fields.clear()
            chosen = [m for m in self._sections.values() if m.name in key and m.direction == "response"]
            self._fields[key] = Fields(chosen, self._key)
        return self._fields[key]

    def request_masks(self, effective: frozenset[str]) -> tuple[RequestMask, ...]:
        """The masks of these names that look at what goes in."""
        return tuple(m for m in self._requests if m.name in effective)

    def redact_fields(self, fields: Sequence[Field], tainted: bool, effective: frozenset[str]) -> list[Field]:
        """Fields of an ErrorResponse or NoticeResponse as the client may see them (M4)."""
        return redact_fields(fields, tainted, self._span_masker(effective))

    def redact_text(self, text: bytes, effective: frozenset[str]) -> bytes:
        """Free text for the client, a NOTIFY payload say (M4)."""
        masker = self._span_masker(effective)
        return text if masker is None else masker.mask(text, [])

    def for_recording(self, text: str) -> str:
        """Text as it may be recorded, logged or shown to approvers (M12): every mask's detectors, whoever runs it."""
        if self._every is None:
            return text
        data = text.encode("utf-8", "surrogatepass")
        masked = self._every.mask(data, [])
        return text if masked is data else masked.decode("utf-8", "replace")

    def value_for_recording(
        self, type_oid: int, fmt: int, value: bytes | None, types: Mapping[int, TypeInfo] = _NO_TYPES
    ) -> str | None:
        """A parameter as it may be recorded (M12); binary values of unknown form as `\\x…`. None is NULL."""
        if value is None:
            return None
        if self._every is not None:
            value = mask_content(self._every, type_oid, fmt, types, value)[0]
        return shown(type_oid, fmt, value)

    def fingerprint(self, values: Sequence[bytes | None]) -> str:
        """Tells other parameters from these, and nothing else to whoever lacks the key (A4, M12)."""
        keyed = hmac.new(self._key, b"parameters", hashlib.sha256)
        for value in values:
            keyed.update(b"-" if value is None else len(value).to_bytes(8, "big") + value)
        return keyed.hexdigest()[:32]

    def _span_masker(self, effective: frozenset[str]) -> SpanMasker | None:
        key = effective & self.names
        if key not in self._maskers:
            if len(self._maskers) >= _REMEMBERED:
                self._maskers.clear()
            sections = [m for m in self._sections.values() if m.name in key and m.direction == "response"]
            self._maskers[key] = self._build(sections)
        return self._maskers[key]

    def _request(self, mask: MaskSection) -> RequestMask:
        masker = self._build([mask])
        if masker is None:
            raise ValueError("a mask without detectors cannot look at what goes in")
        return RequestMask(mask.name, mask.action, masker)

    def _build(self, masks: Iterable[MaskSection]) -> SpanMasker | None:
        """One detector for several masks; what two of them look for gets the stricter strategy."""
        strategies: dict[str, str] = {}
        patterns: list[str] = []
        for mask in masks:
            for name in mask.detect:
                strategies[name] = strictest((mask.strategy, strategies.get(name, mask.strategy)))
            for pattern in mask.patterns:
                patterns.append(pattern)
                strategies[f"pattern-{len(patterns)}"] = mask.strategy
        if not strategies:
            return None
        detector = Detector([n for n in strategies if not n.startswith("pattern-")], patterns)
        return SpanMasker(detector, strategies, self._key)
