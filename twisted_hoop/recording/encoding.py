"""An entry as JSON: what stands in its frame. Runs twice for every command, and is compiled for that. Pure."""

from __future__ import annotations

from typing import Final

import orjson

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.model import Entry
from twisted_hoop.recording.plain import as_json

_NAMES: Final = {kind: f'"{kind}"' for kind in ("command", "outcome", "output", "input")}
"""What most entries are, as JSON."""
_THREE: Final = [f"{number:03}" for number in range(1000)]


def encode(number: int, micros: int, entry: Entry, took: int = -1) -> bytes:
    """The body of an entry: `n`, `t` (seconds since the start, to the µs), `kind`, then its data.

    `micros` is `t` in µs; `took`, unless it is below 0, how many µs a command lasted, and becomes `seconds`.
    Raises RecordingFailed for data that JSON cannot say, or that has a member of one of the three names.
    """
    data = entry.data if isinstance(entry.data, dict) else dict(entry.data)  # known to be one, it is asked natively
    if "n" in data or "t" in data or "kind" in data:
        raise RecordingFailed("an entry's data may not be called n, t or kind")
    kind = _NAMES.get(entry.kind) or orjson.dumps(entry.kind).decode()
    head = f'{{"n":{number},"t":{_decimal(micros)},"kind":{kind}'
    if took >= 0:
        head += f',"seconds":{_decimal(took)}'
    try:
        rest = orjson.dumps(data)
    except TypeError:
        rest = as_json(data)
    if len(rest) <= 2:
        return head.encode() + b"}"
    return b"".join((head.encode(), b",", rest[1:]))  # merging dictionaries costs three times this


def _decimal(micros: int) -> str:
    """Seconds with six digits; formatting a float costs three times two integers."""
    behind = micros % 1_000_000
    return f"{micros // 1_000_000}.{_THREE[behind // 1000]}{_THREE[behind % 1000]}"
