"""Text that streams by, cut into blocks of whole lines, and what detectors find in a block hidden (M3). Pure.

A block is looked at once by the detectors' filter; only lines of a block that may hold something are looked at closely.
Private keys span lines: one whose end has not come leaves a state behind, and is hidden up to its end. Escapes of
terminals (colours above all) are taken out for the look and put back behind the replacement.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import re2

from twisted_hoop.masking.detectors import Span
from twisted_hoop.masking.patterns import BUILT_IN
from twisted_hoop.masking.spans import SpanMasker
from twisted_hoop.masking.textforms import json_text

LINE: Final = 64 * 1024
"""Bytes of a line without end that are kept before it is cut."""
KEPT: Final = 4 * 1024
"""Bytes kept back when it is: no value that is looked for is longer, but for private keys."""

_ESCAPE: Final = re.compile(
    rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|[\]PX^_][^\x07\x1b\n]*+(?:\x07|\x1b\\)?|[ -/]++[0-~]|[0-Z\\^-~])"
)
_INSIDE_JSON: Final = re.compile(rb"\\u00[0-9A-Fa-f]{2}")
_ODD: Final = re.compile(rb"\x1b|\\u00[0-9A-Fa-f]{2}")
"""What makes a line be looked at apart from those around it."""
_BEGINNING: Final = re.compile(rb"(?:[0-9](?:[ -]?[0-9]){3,18}[ -]?|(?=[A-Za-z+/=_-]*[0-9])[A-Za-z0-9+/=_.-]{16,})\Z")
_LONGEST_BEGINNING: Final = 256
_KEY_MARK: Final = b"PRIVATE KEY"
_KEY_END: Final = rb"-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
_WORD: Final = re.compile(rb"[A-Za-z0-9+/=_.@%-]")


def _regex(pattern: str) -> Any:
    return re2.compile(pattern)


class LineBlocks:
    """Keeps the last, unfinished line. `cut` says where a line that grew too long may be cut: an index into it."""

    __slots__ = ("_cut", "_kept", "_size")

    def __init__(self, cut: Callable[[bytes], int]) -> None:
        self._cut = cut
        self._kept: list[bytes] = []
        self._size = 0

    @property
    def held(self) -> int:
        """Bytes kept back."""
        return self._size

    def feed(self, data: bytes) -> bytes:
        """The next part; answers the lines that are whole now."""
        end = data.rfind(b"\n") + 1
        if end:
            block = b"".join((*self._kept, data[:end])) if self._kept else data[:end]
            self._keep(data[end:])
        else:
            block = b""
            self._kept.append(data)
            self._size += len(data)
        return block + self._too_long() if self._size > LINE else block

    def _too_long(self) -> bytes:
        line = b"".join(self._kept)
        at = min(max(self._cut(line), 1), len(line))
        self._keep(line[at:])
        return line[:at]

    def idle(self) -> bytes:
        """What was kept, but for what looks like the beginning of a value."""
        line = self.flush()
        tail = max(0, len(line) - _LONGEST_BEGINNING)
        match = _BEGINNING.search(line, tail)
        if match is None or match.start() == tail > 0:
            return line
        self._keep(line[match.start() :])
        return line[: match.start()]

    def flush(self) -> bytes:
        """What was kept."""
        line = b"".join(self._kept)
        self._keep(b"")
        return line

    def _keep(self, rest: bytes) -> None:
        self._kept = [rest] if rest else []
        self._size = len(rest)


class BlockMasker:
    """Hides what one SpanMasker finds in the blocks of one stream, one after the other."""

    __slots__ = ("_key", "_masker", "_open", "_own", "_rest", "masked")

    def __init__(self, masker: SpanMasker) -> None:
        self.masked = 0
        self._masker = masker
        keys = "private-key" in masker.detector.names
        self._key = _regex(BUILT_IN["private-key"][0].pattern) if keys else None
        self._rest = _regex(rf"(?:-?[A-Za-z0-9+/=\s:,.()\\])*(?:{_KEY_END.decode()})?") if keys else None
        self._open = False
        # Our own patterns mean the same in a line and in many; a user's may be anchored to its line.
        self._own = all(name in BUILT_IN for name in masker.detector.names)

    def apply(self, block: bytes, found: list[str]) -> bytes:
        """The block with what is found hidden, the names added to `found`; the same object when nothing was."""
        if self._open:
            return self._rest_of_key(block, found)
        plain = _ESCAPE.sub(b"", block) if b"\x1b" in block else block
        if not self._own and b"\r" in plain:
            plain = plain.replace(b"\r\n", b"\n")  # a line ends before its carriage return, for anchors as well
        rules = self._masker.detector.rules(plain)
        if not rules:
            return block
        before = len(found)
        if self._key is not None and _KEY_MARK in block:
            out = self._with_keys(block, found)
        else:
            out = self._lines(block, found, rules)
        self.masked += len(found) - before
        return block if len(found) == before else out

    def cut(self, data: bytes) -> int:
        """Where a long line may be cut: behind everything but KEPT bytes, in no word and in nothing that is found."""
        at = max(len(data) - KEPT, 1)
        floor = max(at - KEPT, 1)
        while at > floor and _WORD.match(data, at - 1):
            at -= 1
        for span in self._masker.detector.spans(data) if self._masker.detector.might(data) else ():
            if span.start < at < span.end:
                return span.start or span.end
        return at

    def _lines(self, block: bytes, found: list[str], rules: Sequence[int] | None = None) -> bytes:
        """Whole lines. `rules`: see `Detector.spans`, of the block without its escapes."""
        if not self._own:
            return b"\n".join([self._line(line, found) if line else line for line in block.split(b"\n")])
        if b"\x1b" not in block and b"\\u00" not in block:  # a tenth of what a search costs
            return self._plain(block, found, rules)
        out: list[bytes] = []
        at = 0
        match = _ODD.search(block)
        while match is not None:
            start = block.rfind(b"\n", at, match.start()) + 1 or at
            end = _odd_until(block, match.end())
            out.append(self._plain(block[at:start], found, rules))
            out.append(self._odd(block[start:end], found))
            at = end
            match = _ODD.search(block, at)
        out.append(self._plain(block[at:], found, rules))
        return b"".join(out)

    def _plain(self, lines: bytes, found: list[str], rules: Sequence[int] | None) -> bytes:
        if len(lines) <= LINE:
            return self._masker.mask(lines, found, rules) if lines else lines
        return b"".join([self._masker.mask(piece, found, rules) for piece in _pieces(lines)])

    def _odd(self, lines: bytes, found: list[str]) -> bytes:
        """Lines with escapes, of terminals or of JSON."""
        if _INSIDE_JSON.search(lines) is None:
            return b"".join([self._coloured(piece, found) for piece in _pieces(lines)])
        return b"\n".join([self._line(line, found) if line else line for line in lines.split(b"\n")])

    def _line(self, line: bytes, found: list[str]) -> bytes:
        if b"\x1b" in line:
            return self._coloured(line, found)
        end = line[-1:] if line.endswith(b"\r") else b""
        body = line[:-1] if end else line
        masked = self._masker.mask(body, found)
        if b'"' in masked and _INSIDE_JSON.search(masked):
            masked = json_text(masked, lambda text: self._masker.mask(text, found))
        return masked + end

    def _coloured(self, line: bytes, found: list[str]) -> bytes:
        """Text with escapes: looked at without them. Those inside a value stand behind its replacement."""
        escapes = _Escapes(line)
        plain = _ESCAPE.sub(b"", line)
        out: list[bytes] = []
        at = 0
        for span in self._masker.detector.spans(plain):
            start, end = escapes.place(span.start), escapes.place(span.end - 1) + 1
            out += (line[at:start], self._masker.replacement(plain, span), escapes.between(start, end))
            found.append(span.name)
            at = end
        return b"".join((*out, line[at:])) if out else line

    # -- private keys ---------------------------------------------------------------------------------------------

    def _with_keys(self, block: bytes, found: list[str]) -> bytes:
        out: list[bytes] = []
        at = 0
        while self._key is not None and (match := self._key.search(block, at)) is not None:
            start, end = match.span()
            out += (self._lines(block[at:start], found), self._hidden_key(block[start:end], found))
            at = end
            self._open = end == len(block) and re.search(_KEY_END + rb"\Z", block[start:end]) is None
        out.append(self._lines(block[at:], found))
        return b"".join(out)

    def _hidden_key(self, key: bytes, found: list[str]) -> bytes:
        found.append("private-key")
        return self._masker.replacement(key, Span(0, len(key), "private-key"))

    def _rest_of_key(self, block: bytes, found: list[str]) -> bytes:
        """A key was open: what belongs to it is dropped; its replacement has been shown already."""
        match = self._rest.match(block) if self._rest is not None else None
        end = match.end() if match is not None else 0
        self._open = end == len(block) and re.search(_KEY_END + rb"\s*\Z", block) is None
        return self.apply(block[end:], found) if end < len(block) else b""


class SpanLines:
    """LineBlocks and BlockMasker together: one stream, every find hidden."""

    __slots__ = ("_blocks", "_masker")

    def __init__(self, masker: SpanMasker) -> None:
        self._masker = BlockMasker(masker)
        self._blocks = LineBlocks(self._masker.cut)

    @property
    def held(self) -> int:
        """Bytes kept back."""
        return self._blocks.held

    @property
    def masked(self) -> int:
        """Values hidden so far."""
        return self._masker.masked

    def feed(self, data: bytes) -> bytes:
        """The next part; answers what may be shown now."""
        return self._apply(self._blocks.feed(data))

    def idle(self) -> bytes:
        """What was held, but for what looks like the beginning of a value."""
        return self._apply(self._blocks.idle())

    def flush(self) -> bytes:
        """What was held."""
        return self._apply(self._blocks.flush())

    def _apply(self, block: bytes) -> bytes:
        return self._masker.apply(block, []) if block else b""


def _pieces(block: bytes) -> Iterator[bytes]:
    """The block in runs of lines that are not too long for one look (`Detector` gives up after some thousand finds)."""
    at = 0
    while len(block) - at > LINE:
        end = block.rfind(b"\n", at, at + LINE) + 1 or block.find(b"\n", at + LINE) + 1 or len(block)
        yield block[at:end]
        at = end
    yield block[at:]


def _odd_until(block: bytes, at: int) -> int:
    """The end of a run of lines with escapes, of which one holds octet `at`."""
    end = block.find(b"\n", at) + 1 or len(block)
    while end < len(block):
        line = block.find(b"\n", end) + 1 or len(block)
        if block.find(b"\x1b", end, line) < 0 and _INSIDE_JSON.search(block, end, line) is None:
            break
        end = line
    return end


class _Escapes:
    """Where the terminal escapes of a text are, and where octets of the text without them stand in it."""

    __slots__ = ("_line", "_places", "_removed", "_spans", "_starts")

    def __init__(self, line: bytes) -> None:
        self._line = line
        self._spans = [match.span() for match in _ESCAPE.finditer(line)]
        self._starts = [start for start, _ in self._spans]
        self._places: list[int] = []
        self._removed = [0]
        for start, end in self._spans:
            self._places.append(start - self._removed[-1])
            self._removed.append(self._removed[-1] + end - start)

    def place(self, plain: int) -> int:
        """Where octet `plain` of the text without escapes stands in the text with them."""
        return plain + self._removed[bisect_right(self._places, plain)]

    def between(self, start: int, end: int) -> bytes:
        """The escapes that begin between two octets of the text with them."""
        first, last = bisect_left(self._starts, start), bisect_left(self._starts, end)
        return b"".join([self._line[a:b] for a, b in self._spans[first:last]])
