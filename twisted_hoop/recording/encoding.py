"""An entry as JSON: what stands in its frame. Runs twice for every command, and is compiled for that. Pure."""

from __future__ import annotations

from typing import Final

import orjson

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.model import Entry
from twisted_hoop.recording.plain import as_json

_SECOND: Final = 1_000_000


def encode(number: int, micros: int, entry: Entry, took: int = -1) -> bytes:
    """The body of an entry: `n`, `t` (seconds since the start, to the µs), `kind`, then its data.

    `micros` is `t` in µs; `took`, unless it is below 0, how many µs a command lasted, and becomes `seconds`.
    Raises RecordingFailed for data that JSON cannot say, or that has a member of one of the three names.
    """
    data = entry.data if isinstance(entry.data, dict) else dict(entry.data)  # known to be one, it is asked natively
    body: dict[str, object] = {"n": number, "t": micros / _SECOND, "kind": entry.kind}
    names = 3
    if took >= 0:
        body["seconds"] = took / _SECOND
        names = 4
    body.update(data)
    if len(body) != names + len(data):
        raise RecordingFailed("an entry's data may not be called n, t or kind")
    try:
        return orjson.dumps(body)
    except TypeError:
        return as_json(body)
