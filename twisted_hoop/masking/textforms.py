"""Text forms with a grammar of their own: JSON, arrays, composites, hstore, XML references.

Each function hands the decoded parts to `look` and puts back, correctly quoted, those that come back changed.
What did not change keeps its octets. Nothing here fails: text that does not follow its grammar is looked at as it is.
Sources: RFC 8259; PostgreSQL manual 8.15.6 (array input and output), 8.16.6 (composite), F.17 (hstore).
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final

from twisted_hoop.masking.spans import Look

FieldLook = Callable[[int, bytes], bytes]
"""As Look, for the field of that number."""

_JSON_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?[0-9][0-9.eE+-]*+', re.DOTALL)
_QUOTED: Final = re.compile(rb'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_ARRAY_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[^{},"\\]++', re.DOTALL)
_BOX_FREE: Final = re.compile(rb"\\(.)", re.DOTALL)
_FIELD: Final = re.compile(rb'((?:"(?:[^"\\]++|""|\\.)*+"|[^",()\\]++|\\.)*+)([,)])', re.DOTALL)
_FIELD_PART: Final = re.compile(rb'"((?:[^"\\]++|""|\\.)*+)"|([^"\\]++)|\\(.)', re.DOTALL)
_FIELD_ESCAPE: Final = re.compile(rb'""|\\(.)', re.DOTALL)
_REFERENCE: Final = re.compile(rb"&#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}));")
_LARGEST: Final = 40


def json_text(data: bytes, look: Look) -> bytes:
    """JSON: strings and keys are unescaped, looked at and escaped again; a number that is hidden becomes 0."""

    def token(match: re.Match[bytes]) -> bytes:
        text = match[0]
        return _json_string(text, look) if text.startswith(b'"') else _json_number(text, look)

    return _substitute(_JSON_TOKEN, token, data)


def _json_string(token: bytes, look: Look) -> bytes:
    plain = token[1:-1]
    if b"\\" in plain:
        with contextlib.suppress(ValueError):
            plain = json.loads(token, strict=False).encode("utf-8", "surrogatepass")
    masked = look(plain)
    if masked is plain:
        return token
    # Lone surrogates (json may hold them) exist only as escapes.
    text = masked.decode("utf-8", "surrogatepass") if _is_utf8(masked) else masked.decode("utf-8", "replace")
    escaped = json.dumps(text, ensure_ascii=any(0xD800 <= ord(c) <= 0xDFFF for c in text))
    return escaped.encode()


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _json_number(token: bytes, look: Look) -> bytes:
    plain = plain_number(token)
    return token if look(plain) is plain else b"0"


def plain_number(token: bytes) -> bytes:
    """A number without its exponent: `4.1e15` hides as little as `4100000000000000`."""
    if b"e" not in token and b"E" not in token:
        return token
    try:
        number = Decimal(token.decode())
    except (InvalidOperation, UnicodeDecodeError):
        return token
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST:
        return token
    text = format(number, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text).encode()


def array_text(data: bytes, look: Look) -> bytes:
    """An array's elements, at any depth. NULL elements and the optional dimensions in front stay."""
    start = data.find(b"{")
    if start < 0:
        return look(data)

    def element(match: re.Match[bytes]) -> bytes:
        token = match[0]
        if not token.startswith(b'"'):
            return token if token.upper() == b"NULL" else _changed(token, token, look)
        return _changed(token, unescape(token[1:-1]), look)

    rest = data[start:] if start else data
    masked = _substitute(_ARRAY_TOKEN, element, rest)
    return data if masked is rest else data[:start] + masked


def hstore_text(data: bytes, look: Look) -> bytes:
    """The keys and values of an hstore; NULL is not quoted there and stays."""
    return _substitute(_QUOTED, lambda m: _changed(m[0], unescape(m[1]), look), data)


def _changed(token: bytes, plain: bytes, look: Look) -> bytes:
    masked = look(plain)
    return token if masked is plain else quote(masked)


def unescape(data: bytes) -> bytes:
    """Without the backslashes that arrays and hstore put before a quote or a backslash."""
    return _BOX_FREE.sub(rb"\1", data) if b"\\" in data else data


def quote(data: bytes) -> bytes:
    """As a quoted element of an array or hstore."""
    return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def composite_text(data: bytes, look: FieldLook) -> bytes:
    """A composite's fields; a field without any character is NULL and stays."""
    fields = _fields(data)
    if fields is None:
        return look(-1, data)
    out: list[bytes] = []
    changed = False
    for index, raw in enumerate(fields):
        plain = _field_value(raw)
        masked = look(index, plain) if raw else plain
        changed = changed or masked is not plain
        out.append(raw if masked is plain else _field_quote(masked))
    return b"(" + b",".join(out) + b")" if changed else data


def _fields(data: bytes) -> list[bytes] | None:
    if not data.startswith(b"("):
        return None
    fields: list[bytes] = []
    at = 1
    while (match := _FIELD.match(data, at)) is not None:
        fields.append(match[1])
        at = match.end()
        if match[2] == b")":
            return fields if at == len(data) else None
    return None


def _field_value(raw: bytes) -> bytes:
    if b'"' not in raw and b"\\" not in raw:
        return raw
    return b"".join(_field_part(m) for m in _FIELD_PART.finditer(raw))


def _field_part(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        return match[2] if match[2] is not None else match[3]
    return _FIELD_ESCAPE.sub(lambda m: m[1] if m[1] is not None else b'"', match[1])


def _field_quote(value: bytes) -> bytes:
    return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'""') + b'"'


def xml_text(data: bytes, look: Look) -> bytes:
    """XML as text; references to plain letters and digits (`&#52;`) are resolved before it is looked at."""
    if b"&#" not in data:
        return look(data)
    plain = _REFERENCE.sub(_character, data)
    masked = look(plain)
    return data if masked is plain else masked


def _character(match: re.Match[bytes]) -> bytes:
    code = int(match[1], 16) if match[1] is not None else int(match[2])
    plain = code < 128 and (chr(code).isalnum() or chr(code) in " -.+@_/")
    return bytes((code,)) if plain else match[0]


def _substitute(pattern: re.Pattern[bytes], function: Callable[[re.Match[bytes]], bytes], data: bytes) -> bytes:
    """As `pattern.sub`, but the same object when nothing changes."""
    out: list[bytes] = []
    at = 0
    for match in pattern.finditer(data):
        new = function(match)
        if new != match[0]:
            out += (data[at : match.start()], new)
            at = match.end()
    if not out:
        return data
    out.append(data[at:])
    return b"".join(out)
