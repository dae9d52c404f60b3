"""Bodies that are JSON, on their way: documents, lines and sequences of them (M3). Pure: bytes in, bytes out.

What comes out is JSON when what goes in is. Members with hidden names are replaced whole. Detectors see every string as
it is meant (escapes resolved) and every number, each by itself; finds that reach over several of them (`"key": "…"`)
hide all they touch. What turns out to be no JSON goes on as text. A string of more than 64 KiB goes through in pieces,
and may come out with other escapes. Nothing else is changed where nothing is found. Sources: RFC 8259, 7464.

What is not covered: JSON inside strings is read for names of members only, arrays that hold a value digit by digit.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Final

import re2

from twisted_hoop.masking.fields import Fields
from twisted_hoop.masking.members import HELD, MemberMasker
from twisted_hoop.masking.spans import SpanMasker
from twisted_hoop.masking.textblocks import SpanLines
from twisted_hoop.masking.textforms import plain_number

_SLICE: Final = 64 * 1024
_OUTSIDE: Final = re.compile(rb'[^"]*+(?:"(?:[^"\\]++|\\.)*+"[^"]*+)*+', re.DOTALL)
_JSON: Final = re.compile(
    rb'(?:[\s{}\[\]:,\x1e]++|\xef\xbb\xbf|"(?:[^"\\]++|\\.)*+"'
    rb"|-?[0-9][0-9.eE+-]*+(?=[ \t\r]*+(?:[,\]}\n\x1e]|\Z))|true|false|null)*+",
    re.DOTALL,
)
_TOKEN: Final = re.compile(rb'"((?:[^"\\]++|\\.)*+)"(?=[ \t\r\n]*+(:)?)|-?[0-9][0-9.eE+-]*+', re.DOTALL)
_NUMBER: Final = re.compile(rb"-?[0-9][0-9.eE+-]*+")
_ENDS: Final = bytes(set(range(256)) - set(b',[]{}"\n'))
"""Everything but what ends a token: the end of a block is behind one of those, or before a quote."""
_PASSED: Final = re.compile(rb'[^"]*+(?:"(?:[^"\\]++|\\.)*+"[^"]*+)*+', re.DOTALL)
_UNCLEAR: Final = re2.compile(rb"\\|[\s,:\[]-?[0-9][0-9.]*[eE][+-]?[0-9]")
"""What is not meant as it stands: escapes, and numbers with an exponent."""
_NUMERIC: Final = b"0123456789.eE+-"
_SPACE: Final = b" \t\r\n"

_ESCAPE: Final = re.compile(rb"\\(?:u([0-9A-Fa-f]{4})(?:\\u([dD][c-fC-F][0-9A-Fa-f]{2}))?|(.))", re.DOTALL)
_PIECE: Final = re.compile(
    rb'(?:[^"\\]++|\\[^u]|\\u(?![dD][89abAB])[0-9A-Fa-f]{4}|\\u[0-9A-Fa-f]{4}\\u[0-9A-Fa-f]{4}'
    rb"|\\u[0-9A-Fa-f]{4}(?=[^\\]|\\[^u]))*+"
)
_LETTERS: Final = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"b": b"\b", b"f": b"\f"}
_LONGEST_ESCAPE: Final = 12
_SHORT: Final = 32
_REMEMBERED: Final = 512
_NEEDS_ESCAPES: Final = re.compile(rb'[\x00-\x1f"\\]')


class JsonMasker:
    """One body: members by name, then what detectors find. `masked` counts values hidden so far."""

    __slots__ = ("_members", "_spans")

    def __init__(self, spans: SpanMasker | None, fields: Fields | None = None) -> None:
        self._members = MemberMasker(fields) if fields else None
        self._spans = JsonSpans(spans) if spans is not None else None

    @property
    def masked(self) -> int:
        """Values hidden so far."""
        return sum(look.masked for look in (self._members, self._spans) if look is not None)

    @property
    def held(self) -> int:
        """Bytes that were fed and not shown yet."""
        return sum(look.held for look in (self._members, self._spans) if look is not None)

    def feed(self, data: bytes) -> bytes:
        """The next part; answers what may be shown now."""
        rest = data if self._members is None else self._members.feed(data)
        return rest if self._spans is None else self._spans.feed(rest)

    def flush(self) -> bytes:
        """The end: everything that was held."""
        rest = b"" if self._members is None else self._members.flush()
        return rest if self._spans is None else self._spans.feed(rest) + self._spans.flush()


class JsonSpans:
    """What one SpanMasker finds in one JSON stream, hidden."""

    __slots__ = ("_clean", "_kept", "_lines", "_long", "_masker", "_open", "_own", "masked")

    def __init__(self, masker: SpanMasker) -> None:
        self.masked = 0
        self._masker = masker
        self._own = not any(name.startswith("pattern-") for name in masker.detector.names)
        self._clean: set[bytes] = set()
        self._kept = b""
        self._open = False
        self._long: SpanLines | None = None
        self._lines: SpanLines | None = None

    @property
    def held(self) -> int:
        """Bytes kept back."""
        return len(self._kept) + sum(look.held for look in (self._long, self._lines) if look is not None)

    def feed(self, data: bytes) -> bytes:
        """The next part; answers what may be shown now."""
        if len(data) <= _SLICE:
            return self._feed(data)
        return b"".join([self._feed(data[at : at + _SLICE]) for at in range(0, len(data), _SLICE)])

    def flush(self) -> bytes:
        """The end: everything that was held. A string without its end is no JSON."""
        kept, self._kept = self._kept, b""
        if self._lines is not None:
            return self._counted(self._lines, self._lines.flush)
        if self._long is not None:
            long = self._long
            return escaped(self._counted(long, lambda: long.feed(unescaped(kept)) + long.flush()))
        return self._text(kept, last=True) if self._open else self._block(kept, last=True)

    def _feed(self, data: bytes) -> bytes:
        if self._lines is not None:
            return self._text(data)
        if self._long is not None:
            return self._in_long(self._long, data)
        self._kept += data
        if self._open and b'"' not in data and len(self._kept) <= HELD:
            return b""
        data = self._kept
        match = _OUTSIDE.match(data)
        end = match.end() if match is not None else 0
        self._open = end < len(data)
        end = _before_name(data, end if self._open else len(data.rstrip(_ENDS)))
        block, self._kept = data[:end], data[end:]
        out = self._block(block) if block else b""
        if len(self._kept) <= HELD or self._lines is not None:
            return out
        kept, self._kept = self._kept, b""
        match = _OUTSIDE.match(kept)  # a name may stand before what is long
        end = match.end() if match is not None else 0
        if not self._open:
            end = len(kept.rstrip(_ENDS))
            if len(kept) - end > HELD:  # no number is that long
                return out + self._text(kept)
        out += self._block(kept[:end]) if end else b""
        if self._open:
            return out + self._begin_long(kept[end:])
        return out + (self._text(kept[end:]) if self._lines is not None else self._keep(kept[end:]))

    def _keep(self, rest: bytes) -> bytes:
        self._kept = rest
        return b""

    # -- strings that are too long to be kept -----------------------------------------------------------------------

    def _begin_long(self, kept: bytes) -> bytes:
        self._long = SpanLines(self._masker)
        return b'"' + self._in_long(self._long, kept[1:])

    def _in_long(self, long: SpanLines, data: bytes) -> bytes:
        data = self._kept + data
        end = _pieces_end(data)
        if data[end : end + 1] == b'"':
            out = self._counted(long, lambda: long.feed(unescaped(data[:end])) + long.flush())
            self._long, self._open, self._kept = None, False, b""
            return escaped(out) + b'"' + self._feed(data[end + 1 :])
        self._kept = data[end:]
        return escaped(self._counted(long, lambda: long.feed(unescaped(data[:end]))))

    # -- blocks of whole tokens ---------------------------------------------------------------------------------------

    def _block(self, block: bytes, last: bool = False) -> bytes:
        if not self._might(block):
            return block
        match = _JSON.match(block)
        if match is None or match.end() < len(block):
            kept, self._kept = self._kept, b""
            return self._text(block + kept, last)
        found: list[str] = []
        out = within(block, self._masker, found) if self._own else each(block, self._masker, found, self._clean)
        out = _across(out, self._masker, found)
        self.masked += len(found)
        return out

    def _might(self, block: bytes) -> bool:
        """Whether a token may hold something: the block with each string on a line of its own, as it is meant."""
        might = self._masker.detector.might
        if might(block):
            return True
        if b"\\" in block:
            return might(unescaped(block.replace(b'"', b"\n")))
        if self._own:
            return False
        return might(block.replace(b'"', b"\n")) or might(b"\n".join(_NUMBER.findall(block)))

    def _text(self, data: bytes, last: bool = False) -> bytes:
        """It is no JSON, and never will be: text from here on."""
        if self._lines is None:
            self._lines = SpanLines(self._masker)
        lines = self._lines
        return self._counted(lines, lambda: lines.feed(data) + (lines.flush() if last else b""))

    def _counted(self, look: SpanLines, work: Callable[[], bytes]) -> bytes:
        before = look.masked
        out = work()
        self.masked += look.masked - before
        return out


def each(block: bytes, masker: SpanMasker, found: list[str], clean: set[bytes]) -> bytes:
    """Every string and number by itself; short ones in `clean` were looked at before (names, above all)."""

    def token(match: re.Match[bytes]) -> bytes:
        whole = match[0]
        if whole in clean:
            return whole
        shown = _shown(match, masker, found)
        if shown is not None:
            return shown
        if len(whole) <= _SHORT and len(clean) < _REMEMBERED:
            clean.add(whole)
        return whole

    return _TOKEN.sub(token, block)


def within(block: bytes, masker: SpanMasker, found: list[str]) -> bytes:
    """The same for our own patterns, which find in the block what they find in one of its tokens: quotes and commas
    are to them what a text's ends are. Only tokens that a find touches are looked at, and those with an escape."""
    places = [(span.start, span.end) for span in masker.detector.spans(block)]
    places += [match.span() for match in _UNCLEAR.finditer(block)]
    places.sort()
    out: list[bytes] = []
    at = start = 0
    for begin, end in places:
        while at < end:
            match = _TOKEN.search(block, _before(block, at, max(begin, at)))
            if match is None:
                return b"".join((*out, block[start:]))
            at = match.end()
            shown = _shown(match, masker, found)
            if shown is not None:
                out += (block[start : match.start()], shown)
                start = at
    return b"".join((*out, block[start:])) if out else block


def _shown(match: re.Match[bytes], masker: SpanMasker, found: list[str]) -> bytes | None:
    """A token with what is found in it hidden, None for one that stays as it is."""
    raw = match[1]
    plain = plain_number(match[0]) if raw is None else unescaped(raw)
    shown = masker.mask(plain, found)
    if shown is plain:
        return None
    return b"0" if raw is None else b'"%b"' % escaped(shown)


def _before(block: bytes, at: int, place: int) -> int:
    """Where the token begins that octet `place` is in, reading from the end of another, `at`."""
    match = _PASSED.match(block, at, place)
    start = match.end() if match is not None else at
    while start > at and block[start - 1] in _NUMERIC:
        start -= 1
    return start


def _across(block: bytes, masker: SpanMasker, found: list[str]) -> bytes:
    """Finds in the text of several tokens: every value they touch is hidden, names and structure stay."""
    spans = masker.detector.spans(block)
    if not spans:
        return block
    out: list[bytes] = []
    at = nearest = 0
    for match in _TOKEN.finditer(block):
        while nearest < len(spans) and spans[nearest].end <= match.start():
            nearest += 1
        if nearest == len(spans):
            break
        if match[2] is None and spans[nearest].start < match.end():
            out += (block[at : match.start()], b"0" if match[1] is None else b'"*****"')
            at = match.end()
            found.append(spans[nearest].name)
    return b"".join((*out, block[at:]))


def _before_name(data: bytes, end: int) -> int:
    """Where a block ends that would end at `end`: a name and its value are looked at together."""
    rest = data[:end].rstrip(_SPACE)
    told = rest.endswith(b":") or data[end:].lstrip(_SPACE)[:1] in (b"", b":")
    name = rest[:-1].rstrip(_SPACE) if rest.endswith(b":") else rest
    if not told or not name.endswith(b'"'):
        return end
    start = name.rfind(b'"', 0, len(name) - 1)
    return start if start >= 0 and not name.startswith(b"\\", max(start - 1, 0), start) else end


def _pieces_end(data: bytes) -> int:
    """Where the inside of a string may be cut: at its end, or in front of half an escape."""
    end = 0
    while True:
        match = _PIECE.match(data, end)
        end = match.end() if match is not None else end
        if data[end : end + 1] == b'"' or len(data) - end < _LONGEST_ESCAPE:
            return end
        end += 2  # an escape that is none


def unescaped(text: bytes) -> bytes:
    """What stands between two quotes of JSON, as it is meant, in UTF-8; nothing fails. Half a pair becomes `?`."""
    return _ESCAPE.sub(_meant, text) if b"\\" in text else text


def _meant(match: re.Match[bytes]) -> bytes:
    high, low, letter = match.groups()
    if letter is not None:
        return _LETTERS.get(letter, letter)
    text = chr(int(high, 16))
    if low is None:
        return text.encode("utf-8", "replace")
    both = (text + chr(int(low, 16))).encode("utf-16-le", "surrogatepass")
    return both.decode("utf-16-le", "replace").encode("utf-8", "replace")


def escaped(text: bytes) -> bytes:
    """The same back again; the same object where nothing needs an escape. Octets that are no UTF-8 stay."""
    if _NEEDS_ESCAPES.search(text) is None:
        return text
    told = json.dumps(text.decode("utf-8", "surrogateescape"), ensure_ascii=False)
    return told[1:-1].encode("utf-8", "surrogateescape")
