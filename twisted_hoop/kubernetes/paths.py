"""Paths and queries of the Kubernetes API: decoded once, refused where servers may read them differently (K6). Pure.

What is judged is what is sent: nothing is rewritten, so whatever has two readings does not pass. Percent-encodings are
taken only where the byte needs one, in upper case. Source: RFC 3986, section 6.2.2; Go's net/url, `ParseQuery`, which
drops pairs with a semicolon or a broken encoding.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from twisted_hoop.errors import ProtocolError

Query = dict[str, tuple[str, ...]]
"""Parameter → its values, in the order they were sent."""

LONGEST_QUERY = 256 * 1024
"""Bytes; argument vectors of exec stand in it."""
_MOST_PARAMETERS = 4096
_ODD = re.compile(
    rb"[\x00-\x20\x7f]|//|/\.{1,2}(?:/|$)|[;\\]|%(?![0-9A-F]{2})"
    rb"|%(?:2[DEF]|5[CF]|3[0-9B]|4[1-9A-F]|5[0-9A]|6[1-9A-F]|7[0-9AEF]|[01][0-9A-F])"
)
"""Empty and dot segments, parameters, encodings of what needs none, of `/`, of controls, and in lower case."""
_BROKEN = re.compile(rb";|%(?![0-9A-Fa-f]{2})|%00")


def segments_of(path: bytes) -> list[str]:
    """The decoded segments of a path; a slash at its end is none (kr8s writes `/version/`). Raises ProtocolError."""
    if not path.startswith(b"/") or _ODD.search(path):
        raise ProtocolError("the path is not written in its canonical form (K6)")
    text = path[1:].removesuffix(b"/")
    if b"%" not in path and path.isascii():
        return text.decode("ascii").split("/") if text else []
    return [_decoded(part) for part in text.split(b"/")] if text else []


def _decoded(part: bytes) -> str:
    try:
        text = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise ProtocolError("the path is not UTF-8 (K6)") from None
    if text in (".", "..") or not text.isprintable():
        raise ProtocolError("the path holds what nothing is called (K6)")
    return text


def query_of(query: bytes) -> Query:
    """The parameters of a query. Raises ProtocolError for what Go's reader and others' take differently."""
    if not query:
        return {}
    if len(query) > LONGEST_QUERY or _BROKEN.search(query):
        raise ProtocolError("the query is not written in its canonical form (K6)")
    pairs = query.split(b"&")
    if len(pairs) > _MOST_PARAMETERS:
        raise ProtocolError("the query has too many parameters")
    found: dict[str, tuple[str, ...]] = {}
    for pair in pairs:
        if pair:
            name, _, value = pair.partition(b"=")
            key = _unescaped(name)
            found[key] = (*found.get(key, ()), _unescaped(value))
    return found


def _unescaped(text: bytes) -> str:
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise ProtocolError("the query is not UTF-8 (K6)") from None


def single(query: Query, name: str) -> str | None:
    """The value of a parameter that stands there once, None for none. Raises ProtocolError for two (K14)."""
    values = query.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise ProtocolError(f"the parameter {name} stands there {len(values)} times (K14)")
    return values[0]


def is_true(query: Query, name: str) -> bool:
    """Whether a flag is set, as API servers read it: `watch`, `watch=1` and `watch=banana` are, `0` and `false` not."""
    value = single(query, name)
    return value is not None and value != "0" and value.lower() != "false"
