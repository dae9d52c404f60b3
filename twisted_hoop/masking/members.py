"""Hiding members of JSON in a stream of text, by their names (M3). Pure, linear in what is fed.

JSON is found wherever it stands: documents, JSON lines, pretty-printed or not, members inside lines of a log, and JSON
inside the strings of JSON. Nothing is parsed that need not be: what stands between two quotes and before a colon is
a name, and only what follows a name that is to be hidden is rewritten, to JSON that is still valid. Everything else
passes as the octets it was. Strings do not cross lines (RFC 8259, section 7), and a stray quote hides no name.
"""

from __future__ import annotations

import json
import re
from enum import Enum, auto
from typing import Final

from twisted_hoop.masking.fields import Fields

HELD: Final = 64 * 1024
"""Bytes of an unfinished string that are kept; a longer one is passed on, or hidden to its end, as its name says."""

_STRING: Final = re.compile(rb'(?<!\\)"((?:[^"\\\n]++|\\[^\n])*+)(?=(?:(")[ \t\r\n]*+(:)?)?)')
"""From one quote to the next, whether there is one (group 2), and whether a colon follows it (group 3). The closing
quote is not used up: nobody can say which of two quotes opens, and a name must be found behind a stray one as well."""
_SPACE: Final = re.compile(rb"[ \t\r\n]*+")
_VALUE: Final = re.compile(rb'"(?:[^"\\\n]++|\\[^\n])*+"')
_SCALAR: Final = re.compile(rb"[^\s,\[\]{}\":]++")
_SIMPLE: Final = re.compile(rb'([ \t\r\n]*+)(?:("[^"\\\n]*+")|([^\s,\[\]{}\":]++)(?=[\s,\[\]{}\":]))')
"""A string without escapes, or another scalar and the delimiter behind it."""
_REST_OF_STRING: Final = re.compile(rb'(?:[^"\\\n]++|\\[^\n])*+')
_NESTED: Final = 3


class _At(Enum):
    TEXT = auto()
    """Outside what is hidden."""
    LONG = auto()
    """In a string too long to be a name."""
    VALUE = auto()
    """Before the value of a name that is to be hidden."""
    REST = auto()
    """In a hidden value whose replacement has been written: what is left of it is dropped."""


class MemberMasker:
    """One stream. `masked` counts the values hidden so far; `held` the bytes kept back."""

    __slots__ = ("_at", "_depth", "_fields", "_kept", "_nested", "_strategy", "masked")

    def __init__(self, fields: Fields, nested: int = _NESTED) -> None:
        self.masked = 0
        self._fields = fields
        self._nested = nested
        self._kept = b""
        self._at = _At.TEXT
        self._depth = 0
        self._strategy = ""

    @property
    def held(self) -> int:
        """Bytes kept back."""
        return len(self._kept)

    def feed(self, data: bytes) -> bytes:
        """The next part of the stream; what may be shown of it and of what was kept."""
        if self._at is _At.TEXT and not self._kept and b'"' not in data:
            return data
        return self._run(self._kept + data if self._kept else data, last=False)

    def flush(self) -> bytes:
        """What was kept; the stream may go on."""
        return self._run(self._kept, last=True) if self._kept else b""

    def _run(self, data: bytes, last: bool) -> bytes:
        out: list[bytes] = []
        at, self._kept = 0, b""
        while at < len(data):
            before = (at, self._at, self._depth)
            at = self._step(data, at, out, last)
            if (at, self._at, self._depth) == before:  # what is there cannot be told yet
                self._kept = data[at:]
                break
        return b"".join(out)

    def _step(self, data: bytes, at: int, out: list[bytes], last: bool) -> int:
        if self._at is _At.TEXT:
            return self._text(data, at, out, last)
        if self._at is _At.VALUE:
            return self._value(data, at, out, last)
        return self._rest(data, at, out, last)

    # -- outside --------------------------------------------------------------------------------------------------

    def _text(self, data: bytes, at: int, out: list[bytes], last: bool) -> int:
        start = at
        hit, place = self._near(data, at)
        while (match := _STRING.search(data, place)) is not None:
            whole, colon = match[2] is not None, match[3] is not None
            if colon and (strategy := self._fields.strategy(_name(match[1]))):
                out.append(data[start : match.end(3)])
                self._strategy = strategy
                start = self._simple(data, match.end(3), out)
                if start < 0:
                    self._at, self._depth = _At.VALUE, 0
                    return match.end(3)
                place = start
            else:
                if not last and not colon and _is_open(data, match):
                    return self._keep(data, start, match.start(), out)
                raw = match[1]
                inner = self._inner(raw) if whole else raw
                if inner is not raw:
                    out += (data[start : match.start(1)], inner)
                    start = match.end(1)
                place = match.end()
            if 0 <= hit < place:
                hit, place = self._near(data, place)
        out.append(data[start:])
        return len(data)

    def _near(self, data: bytes, at: int) -> tuple[int, int]:
        """(where the next name that may be hidden is, -1 for none; the quote to read on from, `at` or behind it).

        Behind the last one, what is left is read from a string on that may not be finished.
        """
        hit = self._fields.find(data, at)
        if hit >= 0:
            return hit, max(_last_quote(data, hit, at), at)
        line = max(data.rfind(b"\n", at) + 1, at)
        quote = _last_quote(data, len(data), line)
        if quote >= 0 and not data[quote + 1 :].strip(b" \t\r"):
            # It may be the end of a name, whose colon is still to come.
            quote = max(_last_quote(data, quote, line), line)
        return -1, quote if quote >= 0 else len(data)

    def _simple(self, data: bytes, at: int, out: list[bytes]) -> int:
        """A short value that is all there, as most are: hidden at once. Where it ends, or -1 for any other."""
        match = _SIMPLE.match(data, at)
        if match is None:
            return -1
        text, scalar = match[2], match[3]
        out.append(match[1])
        if scalar is None:
            out.append(self._hidden(text))
        else:
            out.append(_scalar(self._strategy, scalar))
            self.masked += 1
        return match.end()

    def _keep(self, data: bytes, start: int, quote: int, out: list[bytes]) -> int:
        """From `quote` on nothing can be told yet; a string too long for a name passes."""
        if len(data) - quote <= HELD:
            out.append(data[start:quote])
            return quote
        end = len(data) - data.endswith(b"\\")
        out.append(data[start:end])
        self._at = _At.LONG
        return end

    def _inner(self, text: bytes) -> bytes:
        """JSON inside a string of JSON: decoded, looked at, and encoded again only when something was hidden."""
        if rb"\"" not in text or not self._nested:
            return text
        try:
            plain = json.loads(b'"%b"' % text, strict=False).encode()
        except ValueError:
            return text
        look = MemberMasker(self._fields, self._nested - 1)
        shown = look.feed(plain) + look.flush()
        if not look.masked:
            return text
        self.masked += look.masked
        return json.dumps(shown.decode("utf-8", "replace"), ensure_ascii=False).encode()[1:-1]

    # -- what is hidden -------------------------------------------------------------------------------------------

    def _value(self, data: bytes, at: int, out: list[bytes], last: bool) -> int:
        space = _SPACE.match(data, at)
        place = space.end() if space else at
        out.append(data[at:place])
        if place == len(data):
            return place
        first = data[place : place + 1]
        if first == b'"':
            return self._string(data, place, out, last)
        if first in b"{[":
            self._depth += 1
        elif first in b"}]":
            self._depth = max(self._depth - 1, 0)
            self._done()
        elif first == b"," and not self._depth:
            self._at = _At.TEXT
        elif first not in b",:":
            return self._scalar(data, place, out, last)
        out.append(first)
        return place + 1

    def _string(self, data: bytes, at: int, out: list[bytes], last: bool) -> int:
        match = _VALUE.match(data, at)
        if match is None:
            return self._unfinished(data, at, out, last)
        after = _SPACE.match(data, match.end())
        end = after.end() if after else match.end()
        if self._depth:
            if end == len(data) and not last and len(data) - at <= HELD:
                return at  # a name or a value? The next byte says
            if data[end : end + 1] == b":":
                out.append(data[at : end + 1])
                return end + 1
        out.append(self._hidden(match[0]))
        self._done()
        return match.end()

    def _unfinished(self, data: bytes, at: int, out: list[bytes], last: bool) -> int:
        """A string without its end: kept while it is short, else hidden and dropped up to its end."""
        if b"\n" not in data[at:] and len(data) - at <= HELD and not last:
            return at
        out.append(b"null" if self._strategy == "null" else b'"*****"')
        self.masked += 1
        self._at = _At.REST
        return at + 1

    def _scalar(self, data: bytes, at: int, out: list[bytes], last: bool) -> int:
        match = _SCALAR.match(data, at)
        end = match.end() if match else at + 1
        if end == len(data) and not last and len(data) - at <= HELD:
            return at
        out.append(_scalar(self._strategy, data[at:end]))
        self.masked += 1
        self._done()
        return end

    def _done(self) -> None:
        if not self._depth:
            self._at = _At.TEXT

    def _hidden(self, token: bytes) -> bytes:
        self.masked += 1
        if self._strategy == "null":
            return b"null"
        if self._strategy == "redact":
            return b'"*****"'
        try:
            plain = json.loads(token, strict=False).encode("utf-8", "surrogatepass")
        except ValueError:
            return b'"*****"'
        text = self._fields.replacement(self._strategy, plain).decode("utf-8", "replace")
        return json.dumps(text, ensure_ascii=False).encode()

    def _rest(self, data: bytes, at: int, out: list[bytes], last: bool) -> int:
        """The rest of a long string: dropped when it is hidden, else passed. A line's end ends it as well."""
        match = _REST_OF_STRING.match(data, at)
        end = len(data) if last or match is None else match.end()
        if data[end : end + 1] == b"\\":
            if end + 1 == len(data):
                return self._taken(data, at, end, out)  # half an escape
            end += 1  # a line that ends in a backslash
        if end >= len(data):
            return self._taken(data, at, end, out)
        hidden = self._at is _At.REST
        quoted = hidden and data[end : end + 1] == b'"'
        end = self._taken(data, at, end + quoted, out)
        self._at = _At.VALUE if hidden and self._depth else _At.TEXT
        return end

    def _taken(self, data: bytes, at: int, end: int, out: list[bytes]) -> int:
        if self._at is _At.LONG:
            out.append(data[at:end])
        return end


def _last_quote(data: bytes, end: int, begin: int) -> int:
    """Where the last quote between `begin` and `end` stands that no backslash escapes, or -1."""
    at = data.rfind(b'"', begin, end)
    while at > 0 and data[at - 1] == 0x5C:
        at = data.rfind(b'"', begin, at)
    return at


def _is_open(data: bytes, match: re.Match[bytes]) -> bool:
    """Whether what comes next may change what this string is: its end, or a colon."""
    if match[2] is None:
        return data[match.end() :] in (b"", b"\\")
    return not data[match.end(2) :].strip(b" \t\r\n")


def _name(raw: bytes) -> bytes:
    if b"\\" not in raw:
        return raw
    try:
        name: str = json.loads(b'"%b"' % raw, strict=False)
    except ValueError:
        return raw
    return name.encode("utf-8", "replace")


def _scalar(strategy: str, token: bytes) -> bytes:
    """A number, a literal, or what is no JSON at all (`{card: x}`): hidden so that numbers stay numbers."""
    if strategy == "null" or token in (b"null", b"true", b"false"):
        return b"null"
    return b"0" if token[:1] in b"-0123456789" else b'"*****"'
