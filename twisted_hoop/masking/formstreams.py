"""Form bodies (`application/x-www-form-urlencoded`) on their way (M3). Pure: bytes in, bytes out.

Every name and value is looked at as it is meant, with `+` and `%XX` resolved, and written again when something was
hidden. What is no form at all (clients that send JSON under this type) is looked at as it stands. A value of more than
64 KiB goes through in pieces. Source: the WHATWG URL Standard, section 5.1.
"""

from __future__ import annotations

import re
from typing import Final, Protocol
from urllib.parse import unquote_to_bytes

from twisted_hoop.masking.fields import Fields
from twisted_hoop.masking.members import HELD
from twisted_hoop.masking.spans import SpanMasker
from twisted_hoop.masking.textblocks import SpanLines

_ENCODED: Final = re.compile(rb"[\x00-\x1f%&+=\x7f-\xff]")
_HALF: Final = re.compile(rb"%[0-9A-Fa-f]?\Z")
_NO_FORM: Final = (b"{", b"[", b"<")


class FormMasker:
    """One body. `masked` counts the values hidden so far; `held` the bytes kept back."""

    __slots__ = ("_fields", "_kept", "_long", "_masked", "_spans")

    def __init__(self, spans: SpanMasker | None, fields: Fields | None = None) -> None:
        self._masked = 0
        self._spans = spans
        self._fields = fields or None
        self._kept = b""
        self._long: _Long | None = None

    @property
    def held(self) -> int:
        """Bytes that were fed and not shown yet."""
        return len(self._kept) + (self._long.held if self._long is not None else 0)

    @property
    def masked(self) -> int:
        """Values hidden so far."""
        return self._masked + (self._long.masked if self._long is not None else 0)

    def feed(self, data: bytes) -> bytes:
        """The next part; answers what may be shown now."""
        *whole, rest = (self._kept + data).split(b"&")
        self._kept = b""
        out = b"".join([self._end(pair) + b"&" for pair in whole])
        if self._long is not None:
            return out + self._long.feed(rest)
        if len(rest) > HELD:
            return out + self._begin(rest)
        self._kept = rest
        return out

    def flush(self) -> bytes:
        """The end: everything that was held."""
        kept, self._kept = self._kept, b""
        return self._end(kept)

    def _end(self, rest: bytes) -> bytes:
        """A pair, or the end of one that was too long."""
        long, self._long = self._long, None
        if long is None:
            return self._pair(rest)
        out = long.feed(rest) + long.flush()
        self._masked += long.masked
        return out

    def _begin(self, part: bytes) -> bytes:
        """Of a pair that is too long to be kept: the value of a hidden name is dropped, others go by in pieces."""
        name, equals, _ = part.partition(b"=")
        strategy = self._strategy(name) if equals else ""
        if strategy:
            self._long = _Dropped()
            return name + b"=" + (b"" if strategy == "null" else b"*****")
        self._long = _Passed() if self._spans is None else _Looked(self._spans, part.startswith(_NO_FORM))
        return self._long.feed(part)

    def _pair(self, pair: bytes) -> bytes:
        name, equals, value = pair.partition(b"=")
        strategy = self._strategy(name) if value else ""
        if strategy and self._fields is not None:
            self._masked += 1
            return self._text(name) + b"=" + _written(self._fields.replacement(strategy, _meant(value)))
        # What is no form may have such signs anywhere, and what is found may reach over one.
        return self._text(pair) if b"=" in value else self._text(name) + equals + self._text(value)

    def _strategy(self, name: bytes) -> str:
        return self._fields.strategy(_meant(name)) if self._fields is not None else ""

    def _text(self, text: bytes) -> bytes:
        if self._spans is None or not text:
            return text
        plain = _meant(text)
        found: list[str] = []
        shown = self._spans.mask(plain, found)
        self._masked += len(found)
        if not found:
            return text
        return shown if plain == text else _written(shown)


class _Long(Protocol):
    """What happens to a pair that is too long."""

    masked: int
    held: int

    def feed(self, part: bytes) -> bytes: ...

    def flush(self) -> bytes: ...


class _Passed:
    masked = held = 0

    def feed(self, part: bytes) -> bytes:
        return part

    def flush(self) -> bytes:
        return b""


class _Dropped:
    masked, held = 1, 0

    def feed(self, part: bytes) -> bytes:
        return b""

    def flush(self) -> bytes:
        return b""


class _Looked:
    """In pieces, as it is meant, or as it stands when it is no form."""

    def __init__(self, spans: SpanMasker, plain: bool) -> None:
        self.masked = self.held = 0
        self._lines = SpanLines(spans)
        self._plain = plain
        self._half = b""

    def feed(self, part: bytes) -> bytes:
        if self._plain:
            return self._shown(self._lines.feed(part))
        part = self._half + part
        half = _HALF.search(part)
        end = half.start() if half is not None else len(part)
        self._half = part[end:]
        return _written(self._shown(self._lines.feed(_meant(part[:end]))), b"=")

    def flush(self) -> bytes:
        rest = self._shown(self._lines.feed(self._half) + self._lines.flush())
        return rest if self._plain else _written(rest, b"=")

    def _shown(self, out: bytes) -> bytes:
        self.masked, self.held = self._lines.masked, self._lines.held + len(self._half)
        return out


def _meant(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" ")) if b"%" in text or b"+" in text else text


def _written(text: bytes, kept: bytes = b"") -> bytes:
    """As a form has it; signs in `kept` stay."""
    encoded = _ENCODED.sub(lambda m: m[0] if m[0] == kept else b"%%%02X" % m[0][0], text)
    return encoded.replace(b" ", b"+")
