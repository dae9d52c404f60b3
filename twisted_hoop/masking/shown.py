"""How a bind parameter looks to a person: in recordings and for approvers. Not a codec, and never fails."""

from __future__ import annotations

import struct
import uuid
from datetime import datetime, timedelta
from typing import Final

from twisted_hoop.masking import binaryforms, oids

_LONGEST: Final = 4096
_BOOL: Final = 16
_DATE: Final = 1082
_TIMESTAMPS: Final = (1114, 1184)
_EPOCH: Final = datetime(2000, 1, 1)


def shown(type_oid: int, fmt: int, value: bytes) -> str:
    """The value as text: text forms as they are, common binary forms decoded, others as `\\x` and hexadecimal digits.

    No longer than 4096 characters; a longer one ends in `…`.
    """
    text = None if fmt else _decoded(value)
    if text is None:
        try:
            text = _binary(type_oid, value)
        except (ValueError, OverflowError, struct.error):
            text = None
    if text is None:
        text = "\\x" + value[: _LONGEST // 2].hex()
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"


def _decoded(value: bytes) -> str | None:
    try:
        return value[: _LONGEST * 4].decode()
    except UnicodeDecodeError:
        # The cut may have split a character; anything else is no text.
        return value.decode("utf-8", "replace") if len(value) > _LONGEST * 4 else None


def _binary(oid: int, value: bytes) -> str | None:
    if oid in oids.INTEGERS:
        return binaryforms.integer_text(value, oid != oids.OID).decode()
    if oid in (oids.FLOAT4, oids.FLOAT8):
        return binaryforms.float_text(value).decode()
    if oid == oids.NUMERIC:
        return binaryforms.numeric_text(value).decode()
    if oid == _BOOL:
        return "true" if value == b"\x01" else "false"
    if oid == oids.UUID:
        return str(uuid.UUID(bytes=value))
    if oid == _DATE:
        return (_EPOCH + timedelta(days=struct.unpack(">i", value)[0])).date().isoformat()
    if oid in _TIMESTAMPS:
        return (_EPOCH + timedelta(microseconds=struct.unpack(">q", value)[0])).isoformat(" ")
    if oid == oids.JSONB:
        return _decoded(value[1:])
    return _decoded(value) if oid in oids.TEXTS or oid == oids.JSON else None
