"""Masking text that streams by: output of commands, bodies of answers (M3, M12). Pure: bytes in, bytes out.

    masker = masks.stream_masker(decision.masks)         # None: nothing to hide
    out = masker.feed(data)                              # what may be shown now
    out = masker.idle()                                  # 50 ms without data: a prompt must not wait for its line's end
    out = masker.flush()                                 # the end of the stream: everything that was held

Three looks, one after the other: members of JSON by name, columns of CSV, TSV and tables by name, detectors over
everything. Detectors see whole lines: the last, unfinished one is held back. Lines of more than 64 KiB are cut where
nothing is being found. Private keys span lines and are hidden to their end. Colours and other terminal escapes inside a
value do not hide it. Nothing is changed where nothing is found.

What is not covered: values that the program wrote in another form (base64, reversed, one digit a line), values whose
halves come further apart than `idle` waits and look harmless by themselves, values positioned by cursor movements.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_hoop.masking.delimited import DelimitedMasker
from twisted_hoop.masking.fields import Fields
from twisted_hoop.masking.members import MemberMasker
from twisted_hoop.masking.requests import Finding, RequestMask
from twisted_hoop.masking.spans import SpanMasker
from twisted_hoop.masking.textblocks import BlockMasker, LineBlocks, SpanLines


class StreamMasker:
    """One stream in one direction; stdout and stderr have one each. Never shared."""

    __slots__ = ("_columns", "_lines", "_members")

    def __init__(self, spans: SpanMasker | None, fields: Fields | None = None) -> None:
        self._members = MemberMasker(fields) if fields else None
        self._columns = DelimitedMasker(fields) if fields else None
        self._lines = SpanLines(spans) if spans is not None else None

    def feed(self, data: bytes | memoryview) -> bytes:
        """The next part of the stream; answers what may be shown now, which may be nothing."""
        rest = bytes(data)
        if self._members is not None and self._columns is not None:
            rest = self._columns.feed(self._members.feed(rest))
        return rest if self._lines is None else self._lines.feed(rest)

    def idle(self) -> bytes:
        """Nothing came for a moment: answers what was held, but for what looks like the beginning of a value.

        May be called as often as wanted; the few bytes that stay held leave with the next `feed` or with `flush`.
        """
        rest = b""
        if self._members is not None and self._columns is not None:
            rest = self._columns.feed(self._members.flush()) + self._columns.idle()
        return rest if self._lines is None else self._lines.feed(rest) + self._lines.idle()

    def flush(self) -> bytes:
        """The end of the stream: everything that was held. (The stream may go on after all.)"""
        rest = b""
        if self._members is not None and self._columns is not None:
            rest = self._columns.feed(self._members.flush()) + self._columns.flush()
        return rest if self._lines is None else self._lines.feed(rest) + self._lines.flush()

    @property
    def held(self) -> int:
        """Bytes that were fed and not shown yet."""
        return sum(look.held for look in (self._members, self._columns, self._lines) if look is not None)

    @property
    def masked(self) -> int:
        """Values hidden so far."""
        return sum(look.masked for look in (self._members, self._columns, self._lines) if look is not None)


class StreamLooker:
    """Masks with `direction = "request"` over what goes in: stdin of a command, the body of a request.

    `feed` and `flush` answer the bytes to send on and what was found in them. A finding whose action is not "mask" must
    be acted on before those bytes are sent: `deny` ends the command, `review` asks first. Every mask looks at what the
    client sent: one that rewrites does not hide a find from one that denies.
    """

    __slots__ = ("_again", "_blocks", "_looks", "_masks", "_where", "masked")

    def __init__(self, masks: Sequence[RequestMask], where: str = "stdin") -> None:
        self.masked = 0
        self._masks = tuple(masks)
        self._where = where
        self._looks = [BlockMasker(mask.masker) for mask in self._masks]
        self._again = [BlockMasker(mask.masker) for mask in self._masks]
        self._blocks = LineBlocks(self._cut)

    @property
    def held(self) -> int:
        """Bytes that were fed and not answered yet."""
        return self._blocks.held

    def feed(self, data: bytes | memoryview) -> tuple[bytes, list[Finding]]:
        """The next part of the stream."""
        return self._looked(self._blocks.feed(bytes(data)))

    def idle(self) -> tuple[bytes, list[Finding]]:
        """Nothing came for a moment: what was held, but for what looks like the beginning of a value."""
        return self._looked(self._blocks.idle())

    def flush(self) -> tuple[bytes, list[Finding]]:
        """The end of the stream: everything that was held."""
        return self._looked(self._blocks.flush())

    def _cut(self, data: bytes) -> int:
        return min((look.cut(data) for look in self._looks), default=len(data))

    def _looked(self, block: bytes) -> tuple[bytes, list[Finding]]:
        findings: list[Finding] = []
        rewritten = block
        for mask, look, again in zip(self._masks, self._looks, self._again, strict=True):
            found: list[str] = []
            shown = look.apply(block, found) if block else block
            findings += (Finding(mask.name, mask.action, name, self._where) for name in dict.fromkeys(found))
            if mask.action == "mask" and shown is not block:
                self.masked += len(found)
                rewritten = shown if rewritten is block else again.apply(rewritten, [])
        return rewritten, findings
