"""Errors, notices and notifications that could carry hidden values to the client (M4).

The SQLSTATE, the severity, the position and the names of constraint, table, column, type and schema stay, so that
programs can still react. What a message quotes, and everything that user code may have written, goes.
Source: PostgreSQL manual, "Error and Notice Message Fields".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from twisted_hoop.masking.pgtypes import STARS
from twisted_hoop.masking.spans import SpanMasker

Field = tuple[int, bytes]
"""A field's type octet and its value."""

HIDDEN: Final = b"message hidden: it may hold masked values"
_DROPPED: Final = frozenset(b"DWqH")
_TEXTS: Final = frozenset(b"MDHWq")
_NAMES: Final = frozenset(b"stcdn")

_CODE, _FILE, _MESSAGE = b"CFM"
_RAISED_CODES: Final = frozenset({
    b"00000", b"01000", b"02000", b"P0001", b"P0002", b"P0003", b"P0004", b"22000", b"22004", b"22023", b"23000",
    b"23502", b"23503", b"23505", b"23514", b"40001", b"42501", b"55000", b"57014",
})  # fmt: skip
_USER_FILES: Final = re.compile(rb"\Apl(?!an)|dblink|fdw|\Aconnection\.c")
_STANDARD: Final = re.compile(rb"\A(?:0[0-9ABFLPZ]|[1235][0-9A-Z]|40|42|44|72|F0|HV|XX)[0-9A-Z]{3}\Z")
_RAISED: Final = re.compile(rb"\A(?:P0|38|39)")
_QUOTE: Final = rb"[\"`]|\xc2[\xab\xbb]|\xe2\x80[\x98-\x9f\xb9\xba]|\xe3\x80[\x8c-\x8f]|\xef\xbc\x82"
_POINTS: Final = rb"(?::|\xef\xbc\x9a)\s*"
_DIGITS: Final = rb"(?<![A-Za-z_])[0-9][0-9A-Fa-fxX.,_:+-]*"
_QUOTES: Final = re.compile(_QUOTE)
_COLON: Final = re.compile(_POINTS)
_NUMBER: Final = re.compile(_DIGITS)
_SUSPECT: Final = re.compile(_QUOTE + rb"|" + _POINTS + rb"|" + _DIGITS)


def redact_text(masker: SpanMasker | None, text: bytes) -> bytes:
    """`text` with what detectors find hidden: a notification's payload, say."""
    return text if masker is None else masker.mask(text, [])


def redact_fields(fields: Sequence[Field], tainted: bool, masker: SpanMasker | None) -> list[Field]:
    """The fields of an ErrorResponse or NoticeResponse as the client may see them (M4).

    `tainted`: the statement touches masked columns, or nobody can say that it does not. Detail, hint, context and
    internal query are then dropped, and of the message only fixed words stay. What RAISE wrote goes altogether, names
    and SQLSTATE included where it could choose them. Detectors look at what is left in any case.
    """
    kept = list(fields) if not tainted else _untainted(fields)
    if masker is None:
        return kept
    return [(kind, redact_text(masker, value) if kind in _TEXTS else value) for kind, value in kept]


def _untainted(fields: Sequence[Field]) -> list[Field]:
    kept = [field for field in fields if field[0] not in _DROPPED]
    if not _by_user_code(dict(fields)):
        return [(kind, _fixed_words(value, fields) if kind == _MESSAGE else value) for kind, value in kept]
    # RAISE … USING sets the names and the SQLSTATE too: five characters of a value with every error.
    replaced = {_MESSAGE: HIDDEN}
    code = dict(fields).get(_CODE, b"")
    if code not in _RAISED_CODES:
        replaced[_CODE] = b"P0001" if code[:2] not in (b"00", b"01", b"02") else code[:2] + b"000"
    return [(kind, replaced.get(kind, value)) for kind, value in kept if kind not in _NAMES]


def _fixed_words(message: bytes, fields: Sequence[Field]) -> bytes:
    """The message without what may be data: quoted parts, numbers, and what follows a colon.

    A value may itself hold quotes, so everything up to the last one goes.
    """
    names = frozenset(value for kind, value in fields if kind in _NAMES and value)
    start = _first_value(message, names)
    head, rest = message[:start], message[start:]
    last = max((m.end() for m in _QUOTES.finditer(rest)), default=0)
    hidden = (b": " if _COLON.match(rest) else b"") + STARS if last else b""
    return head + hidden + _tail(rest[last:])


def _by_user_code(fields: dict[int, bytes]) -> bool:
    """RAISE of any procedural language can imitate every SQLSTATE, but not the source file that reports it."""
    code, file = fields.get(_CODE, b""), fields.get(_FILE, b"")
    raised = _RAISED.match(code) is not None or _STANDARD.match(code) is None
    return raised or not file or _USER_FILES.search(file.rsplit(b"/", 1)[-1]) is not None


def _first_value(message: bytes, names: frozenset[bytes]) -> int:
    """Where the first thing stands that may be a value: a number, a colon, or a quote around anything but a name that
    the error's own fields give."""
    at = 0
    while (found := _SUSPECT.search(message, at)) is not None:
        closing = next((c for n in names if (c := _closing(message, found, n)) is not None), None)
        if closing is None:
            return found.start()
        at = closing.end()
    return len(message)


def _closing(message: bytes, opening: re.Match[bytes], name: bytes) -> re.Match[bytes] | None:
    """The quote that ends `name`, when that is what stands after an opening quote."""
    if _QUOTES.fullmatch(opening[0]) is None or not message.startswith(name, opening.end()):
        return None
    return _QUOTES.match(message, opening.end() + len(name))


def _tail(words: bytes) -> bytes:
    colon = _COLON.search(words)
    if colon is not None:
        words = words[: colon.start()]
    return _NUMBER.sub(STARS, words) + (b": " + STARS if colon is not None else b"")
