"""PostgreSQL messages: building and reading them, bytes only (protocol-message-formats).

Nothing here knows a session. A reader answers with a value or raises ProtocolError, never anything else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from librt.strings import read_i16_be, read_i32_be

from twisted_hoop.errors import ProtocolError
from twisted_hoop.postgres.integers import i64

SSL_REQUEST = 80877103
GSSENC_REQUEST = 80877104
CANCEL_REQUEST = 80877102
PROTOCOL_3_0 = 3 << 16
PROTOCOL_3_2 = (3 << 16) | 2

STARTUP_LIMIT = 10_000
"""The server's MAX_STARTUP_PACKET_LENGTH."""
AUTHENTICATION_LIMIT = 65_535
"""The server's PG_MAX_AUTH_TOKEN_LENGTH: the largest message before authentication is over."""

_I32 = struct.Struct(">I")
_S32 = struct.Struct(">i")
_I16 = struct.Struct(">H")
_COLUMN = struct.Struct(">IhIhih")


def message(kind: bytes, body: bytes = b"") -> bytes:
    """A typed message: kind, length that counts itself, body."""
    return kind + _I32.pack(len(body) + 4) + body


def cstring(value: str | bytes) -> bytes:
    """A NUL-terminated string; a NUL inside is a fault of ours."""
    raw = value.encode() if isinstance(value, str) else value
    if b"\0" in raw:
        raise ProtocolError("a string with a NUL byte cannot be sent")
    return raw + b"\0"


def startup(version: int, parameters: Mapping[str, str]) -> bytes:
    """StartupMessage."""
    body = _I32.pack(version) + b"".join(cstring(k) + cstring(v) for k, v in parameters.items()) + b"\0"
    return _I32.pack(len(body) + 4) + body


def ssl_request() -> bytes:
    """SSLRequest."""
    return _I32.pack(8) + _I32.pack(SSL_REQUEST)


def cancel_request(pid: int, key: bytes) -> bytes:
    """CancelRequest; the key has 4 bytes in protocol 3.0, up to 256 in 3.2."""
    return _I32.pack(12 + len(key)) + _I32.pack(CANCEL_REQUEST) + _I32.pack(pid) + key


def _shown(value: str) -> bytes:
    """Text for an error field: what cannot be carried is replaced, so that an error never fails to be sent."""
    return value.replace("\0", "\\0").encode("utf-8", "replace") + b"\0"


def _fields(severity: str, code: str, text: str, detail: str, hint: str) -> bytes:
    parts = [b"S" + _shown(severity), b"V" + _shown(severity), b"C" + _shown(code), b"M" + _shown(text)]
    if detail:
        parts.append(b"D" + _shown(detail))
    if hint:
        parts.append(b"H" + _shown(hint))
    return b"".join(parts) + b"\0"


def error(code: str, text: str, detail: str = "", hint: str = "", severity: str = "ERROR") -> bytes:
    """ErrorResponse with S, V, C, M and, where given, D and H."""
    return message(b"E", _fields(severity, code, text, detail, hint))


def fatal(code: str, text: str, detail: str = "", hint: str = "") -> bytes:
    """ErrorResponse after which the connection closes."""
    return error(code, text, detail, hint, "FATAL")


def notice(text: str, detail: str = "", hint: str = "", code: str = "00000") -> bytes:
    """NoticeResponse."""
    return message(b"N", _fields("NOTICE", code, text, detail, hint))


def negotiate(version: int, unknown: list[str]) -> bytes:
    """NegotiateProtocolVersion with the full version we speak and the options we do not."""
    return message(b"v", _I32.pack(version) + _I32.pack(len(unknown)) + b"".join(cstring(n) for n in unknown))


def parse(name: bytes, text: bytes, types: bytes = b"\0\0") -> bytes:
    """Parse; `types` is the count and the OIDs as they came."""
    return message(b"P", name + b"\0" + text + b"\0" + types)


def query(text: bytes) -> bytes:
    """Query."""
    return message(b"Q", text + b"\0")


def describe_portal(name: bytes) -> bytes:
    """Describe of a portal."""
    return message(b"D", b"P" + name + b"\0")


def error_fields(body: bytes, side: str = "target") -> list[tuple[int, bytes]]:
    """The fields of an ErrorResponse or NoticeResponse, in order."""
    fields: list[tuple[int, bytes]] = []
    position = 0
    while position < len(body) and body[position] != 0:
        end = body.find(b"\0", position + 1)
        if end < 0:
            raise ProtocolError("an error field has no end", side)
        fields.append((body[position], body[position + 1 : end]))
        position = end + 1
    if position != len(body) - 1:
        raise ProtocolError("an error has no end", side)
    return fields


def from_fields(kind: bytes, fields: Iterable[tuple[int, bytes]]) -> bytes:
    """An ErrorResponse ("E") or NoticeResponse ("N") of these fields."""
    return message(kind, b"".join(bytes((code,)) + value + b"\0" for code, value in fields) + b"\0")


def startup_parameters(body: bytes) -> dict[str, str]:
    """The name and value pairs of a StartupMessage behind the version (P3)."""
    if not body.endswith(b"\0"):
        raise ProtocolError("the start-up packet has no terminator")
    parts = body[:-1].split(b"\0")
    if parts.pop() != b"" or len(parts) % 2:
        raise ProtocolError("the start-up packet is malformed")
    found: dict[str, str] = {}
    for name, value in zip(parts[::2], parts[1::2], strict=True):
        text = _text(name)
        if not text or text in found:
            raise ProtocolError("the start-up packet names a parameter twice or not at all")
        found[text] = _text(value)
    return found


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ProtocolError("text is not UTF-8", code="22021") from None


def split_cstring(body: bytes, position: int) -> tuple[bytes, int]:
    """The NUL-terminated string at `position` and the place behind it."""
    end = body.find(b"\0", position)
    if end < 0:
        raise ProtocolError("a string in a message has no end")
    return body[position:end], end + 1


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a RowDescription; `number` is 0 and `table` 0 when it is not a plain column."""

    name: str
    table: int
    number: int
    type_oid: int
    typmod: int
    format: int


def row_description(body: bytes) -> tuple[Field, ...]:
    """The columns of a RowDescription."""
    try:
        (count,) = _I16.unpack_from(body)
        position, fields = 2, []
        for _ in range(count):
            name, position = split_cstring(body, position)
            table, number, type_oid, _, typmod, form = _COLUMN.unpack_from(body, position)
            fields.append(Field(name.decode("utf-8", "replace"), table, number, type_oid, typmod, form))
            position += _COLUMN.size
    except (struct.error, ProtocolError):
        raise ProtocolError("a RowDescription is malformed", "target") from None
    if position != len(body):
        raise ProtocolError("a RowDescription has bytes behind its end", "target")
    return tuple(fields)


@dataclass(frozen=True, slots=True, init=False)
class Bind:
    """A Bind message: parameters as sent (None is NULL) with one format code each, and the result formats as sent."""

    portal: bytes
    statement: bytes
    values: tuple[bytes | None, ...]
    formats: tuple[int, ...]
    result_formats: bytes

    def __init__(
        self,
        portal: bytes,
        statement: bytes,
        values: tuple[bytes | None, ...],
        formats: tuple[int, ...],
        result_formats: bytes,
    ) -> None:
        object.__setattr__(self, "portal", portal)
        object.__setattr__(self, "statement", statement)
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "formats", formats)
        object.__setattr__(self, "result_formats", result_formats)


def bind(body: bytes) -> Bind:
    """Read a Bind. Order is portal, then statement."""
    portal, position = split_cstring(body, 0)
    statement, position = split_cstring(body, position)
    try:
        codes, position = _shorts(body, position)
        count: i64 = i64(read_i16_be(body, position)) & 0xFFFF
        values, position = _values(body, position + 2, count)
        _, end = _shorts(body, position)
    except (IndexError, ValueError):
        raise ProtocolError("a Bind message is cut short") from None
    if end != len(body) or (len(codes) > 1 and len(codes) != count):
        raise ProtocolError("a Bind message is malformed")
    formats = codes * int(count) if len(codes) == 1 else codes or (0,) * int(count)
    return Bind(portal, statement, values, formats, body[position:])


def _shorts(body: bytes, position: int) -> tuple[tuple[int, ...], int]:
    place: i64 = position
    count: i64 = i64(read_i16_be(body, place)) & 0xFFFF
    if count == 0:
        return (), position + 2
    codes: list[int] = []
    for _ in range(count):
        place += 2
        codes.append(int(i64(read_i16_be(body, place)) & 0xFFFF))
    return tuple(codes), int(place + 2)


def _values(body: bytes, position: int, count: i64) -> tuple[tuple[bytes | None, ...], int]:
    values: list[bytes | None] = []
    place: i64 = position
    whole: i64 = len(body)
    for _ in range(count):
        length: i64 = i64(read_i32_be(body, place))
        place += 4
        if length < 0:
            if length < -1:
                raise ProtocolError("a Bind parameter has an impossible length")
            values.append(None)
            continue
        if place + length > whole:
            raise ProtocolError("a Bind parameter reaches past its message")
        values.append(body[place : place + length])
        place += length
    return tuple(values), int(place)


def build_bind(value: Bind) -> bytes:
    """A Bind message of these parts."""
    parts = [value.portal, b"\0", value.statement, b"\0", _I16.pack(len(value.formats))]
    parts += [_I16.pack(code) for code in value.formats]
    parts.append(_I16.pack(len(value.values)))
    for item in value.values:
        parts.append(_S32.pack(-1) if item is None else _S32.pack(len(item)) + item)
    parts.append(value.result_formats)
    return message(b"B", b"".join(parts))


def copy_response(body: bytes) -> tuple[int, int]:
    """(overall format, number of columns) of a CopyInResponse or CopyOutResponse."""
    if len(body) < 3:
        raise ProtocolError("a copy response is cut short", "target")
    return body[0], int(_I16.unpack_from(body, 1)[0])


def parameter_status(body: bytes) -> tuple[str, str]:
    """(name, value) of a ParameterStatus."""
    name, position = split_cstring(body, 0)
    value, _ = split_cstring(body, position)
    return name.decode("utf-8", "replace"), value.decode("utf-8", "replace")


def statement_text(body: bytes) -> str | None:
    """The text of a Query or Parse; NUL bytes inside are a broken message, other encodings are not read (P16)."""
    if not body.endswith(b"\0") or body.find(b"\0") != len(body) - 1:
        raise ProtocolError("invalid string in message")
    try:
        return body[:-1].decode()
    except UnicodeDecodeError:
        return None


def declared_types(body: bytes, position: int) -> tuple[int, ...]:
    """The parameter types a Parse declares, from the place of their count."""
    count = int.from_bytes(body[position : position + 2], "big")
    if len(body) != position + 2 + 4 * count:
        raise ProtocolError("invalid Parse message")
    return tuple(int.from_bytes(body[p : p + 4], "big") for p in range(position + 2, len(body), 4))
