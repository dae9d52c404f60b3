"""The shapes of entries that hold bytes of a stream, and the bytes of such an entry again. Pure.

`output` and `input` entries: `channel`, `stream` ("stdout", "stderr", "stdin"; "file" for the content of a transfer),
and the bytes, none of them lost: as `text` when they are UTF-8, else as `base64`. `terminal` and `resize` entries:
`columns` and `rows`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from twisted_hoop.model import Entry


def stream_entry(kind: str, channel: int, stream: str, data: bytes | memoryview) -> Entry:
    """Bytes that passed; `kind` is "output" or "input"."""
    raw = bytes(data)
    try:
        return Entry(kind, {"channel": channel, "stream": stream, "text": raw.decode()})
    except UnicodeDecodeError:
        return Entry(kind, {"channel": channel, "stream": stream, "base64": base64.b64encode(raw).decode()})


def terminal_entry(channel: int, term: str, columns: int, rows: int) -> Entry:
    """A terminal was asked for and granted."""
    return Entry("terminal", {"channel": channel, "term": term, "columns": columns, "rows": rows})


def resize_entry(channel: int, columns: int, rows: int) -> Entry:
    """It has another size now."""
    return Entry("resize", {"channel": channel, "columns": columns, "rows": rows})


def stream_bytes(entry: Mapping[str, Any]) -> bytes:
    """The bytes of an `output` or `input` entry, exactly; b"" for an entry that holds none or is damaged."""
    text, encoded = entry.get("text"), entry.get("base64")
    if isinstance(text, str):
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else b""
    except (ValueError, binascii.Error):
        return b""
