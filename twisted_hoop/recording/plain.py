"""Whatever stands in an entry, as JSON. Never compiled: a loop in the data must end as an error, not as a crash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from twisted_hoop.errors import RecordingFailed


def as_json(value: Mapping[str, Any]) -> bytes:
    """The JSON of an object, whatever is in it. Raises RecordingFailed."""
    try:
        return orjson.dumps(value, default=_plain)
    except TypeError:  # lone surrogates, keys that are not text, integers over 64 bits
        return _patient(value)


def _patient(value: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(_clean(value))
    except (TypeError, RecursionError) as error:
        raise RecordingFailed(f"an entry cannot be written as JSON: {error}") from error


def _plain(value: object) -> object:
    """Bytes become text with what is not UTF-8 as `\\xNN`; sets become sorted lists; anything else its `str()`."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "backslashreplace")
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=str)
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def _clean(value: object) -> object:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if -(1 << 63) <= value < 1 << 64 else str(value)
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {str(_clean(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    return _clean(_plain(value))
