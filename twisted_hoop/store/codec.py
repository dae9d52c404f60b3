"""How values are written into columns: ASCII JSON, which every database and every odd string survives."""

from __future__ import annotations

import json
from typing import Any

from twisted_hoop.model import Principal


def dumps(value: Any) -> str:
    """JSON with everything but ASCII escaped: NUL and lone surrogates come back as they were."""
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), sort_keys=True)


def principal_data(principal: Principal) -> dict[str, Any]:
    """Who somebody is, for people to read later: issuer, subject, name, kind and the delegation chain."""
    return {
        "issuer": principal.issuer,
        "subject": principal.subject,
        "name": principal.name,
        "kind": principal.kind.value,
        "chain": [{"issuer": actor.issuer, "subject": actor.subject} for actor in principal.chain],
    }


def text_bytes(text: str) -> bytes:
    """The exact text as bytes, one to one: `surrogatepass` writes every code point on its own."""
    return text.encode("utf-8", "surrogatepass")


def bytes_text(data: bytes) -> str:
    """The inverse of `text_bytes`."""
    return data.decode("utf-8", "surrogatepass")
