"""The shapes of entries that hold bytes of a stream, and the bytes of such an entry again. Pure.

`output` and `input` entries: `channel`, `stream` ("stdout", "stderr", "stdin"; "file" for the content of a transfer),
and the bytes, none of them lost: as `text` when they are UTF-8, else as `base64`; many at once as `zstd`, a frame of
RFC 8878, when that makes them fewer, else as `raw`. The last two are bytes until they are written (`writer.py` puts
them behind the JSON); who reads a recording gets `zstd` and `base64`, both in base64. `terminal` and `resize` entries:
`columns` and `rows`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from twisted_hoop.model import Entry
from twisted_hoop.recording.packing import Unpackable, pack, packable, unpack

WORTH_PACKING = 4096
"""Bytes from which on packing costs less than hashing and writing what it saves."""
LARGEST = 1 << 24
"""Bytes of one entry that are unpacked; none is near as large."""


def stream_entry(kind: str, channel: int, stream: str, data: bytes | memoryview) -> Entry:
    """Bytes that passed; `kind` is "output" or "input"."""
    raw = bytes(data)
    if len(raw) >= WORTH_PACKING and packable(raw):
        packed = pack(raw)
        if len(packed) < len(raw) * 3 // 4:
            return Entry(kind, {"channel": channel, "stream": stream, "zstd": packed})
    try:
        return Entry(kind, {"channel": channel, "stream": stream, "text": raw.decode()})
    except UnicodeDecodeError:
        if len(raw) >= WORTH_PACKING:
            return Entry(kind, {"channel": channel, "stream": stream, "raw": raw})
        return Entry(kind, {"channel": channel, "stream": stream, "base64": base64.b64encode(raw).decode()})


def terminal_entry(channel: int, term: str, columns: int, rows: int) -> Entry:
    """A terminal was asked for and granted."""
    return Entry("terminal", {"channel": channel, "term": term, "columns": columns, "rows": rows})


def resize_entry(channel: int, columns: int, rows: int) -> Entry:
    """It has another size now."""
    return Entry("resize", {"channel": channel, "columns": columns, "rows": rows})


def stream_bytes(entry: Mapping[str, Any]) -> bytes:
    """The bytes of an `output` or `input` entry, exactly; b"" for an entry that holds none or is damaged."""
    text = entry.get("text")
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass")
    packed, encoded, raw = entry.get("zstd"), entry.get("base64"), entry.get("raw")
    if isinstance(raw, bytes):
        return raw
    try:
        if isinstance(packed, bytes):
            return unpack(packed, LARGEST)
        if isinstance(packed, str):
            return unpack(base64.b64decode(packed, validate=True), LARGEST)
        return base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else b""
    except (ValueError, EOFError, Unpackable, binascii.Error):
        return b""
