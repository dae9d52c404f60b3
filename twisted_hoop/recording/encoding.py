"""An entry as JSON: what stands in its frame. Runs twice for every command, and is compiled for that. Pure."""

from __future__ import annotations

import orjson

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.model import Entry
from twisted_hoop.recording.plain import as_json


def encode(number: int, seconds: float, entry: Entry) -> bytes:
    """The body of an entry: `n`, `t` (seconds since the start, to the µs), `kind`, then its data.

    Raises RecordingFailed for data that JSON cannot say, or that has a member of one of the three names.
    """
    data = entry.data
    if "n" in data or "t" in data or "kind" in data:
        raise RecordingFailed("an entry's data may not be called n, t or kind")
    head = f'{{"n":{number},"t":{_decimal(seconds)},"kind":'.encode() + orjson.dumps(entry.kind)
    try:
        rest = orjson.dumps(data)
    except TypeError:
        rest = as_json(data)
    return head + b"," + rest[1:] if len(rest) > 2 else head + b"}"  # merging dictionaries costs three times this


def _decimal(seconds: float) -> str:
    """With six digits; formatting a float costs three times two integers. A clock that was put back stands still."""
    micros = max(int(seconds * 1_000_000), 0)
    return f"{micros // 1_000_000}.{str(1_000_000 + micros % 1_000_000)[1:]}"
