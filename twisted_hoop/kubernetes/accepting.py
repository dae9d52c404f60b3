"""What the target is asked to answer in: JSON, so that no mask is passed by in another encoding (M10). Pure.

Clients decode by the Content-Type of the answer (RFC 9110, section 12.5.1 on Accept): those that would rather have
protobuf or CBOR take JSON.
"""

from __future__ import annotations

import re
from typing import Final

from twisted_hoop.http.messages import Headers

JSON: Final = b"application/json"
IDENTITY: Final = ((b"accept-encoding", b"identity"),)
_RANGE: Final = re.compile(rb'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_TABLE: Final = re.compile(rb";\s*as\s*=\s*\"?Table", re.IGNORECASE)
_OTHERS: Final = re.compile(rb"protobuf|cbor|yaml|\Aapplication/\*|\A\*/\*", re.IGNORECASE)


def only_json(values: list[bytes], table: bool = True) -> Headers:
    """Accept without what is not JSON; `table` False without Tables too. What is left empty becomes JSON."""
    kept = [each for each in _ranges(values) if _kind(each) == JSON and (table or not _TABLE.search(each))]
    return ((b"accept", b",".join(kept) or JSON),)


def without_binary(values: list[bytes]) -> Headers:
    """Accept of what answers with text, logs above all, whose errors may come in any encoding."""
    kept = [each for each in _ranges(values) if not _OTHERS.search(_kind(each))]
    return ((b"accept", b",".join([*(kept or [b"text/plain", JSON]), b"*/*;q=0.1"])),)


def _ranges(values: list[bytes]) -> list[bytes]:
    return [each.strip() for value in values for each in _RANGE.findall(value) if each.strip()]


def _kind(media_range: bytes) -> bytes:
    return media_range.partition(b";")[0].strip().lower()
