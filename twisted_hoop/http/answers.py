"""Answers before it is known which target is meant: a shape that kubectl and clients of plain APIs can both read."""

from __future__ import annotations

import json

from twisted_hoop.http.messages import Answer

_REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 429: "TooManyRequests"}
_CHALLENGE = (b"www-authenticate", b'Bearer realm="hoop"')


def early_answer(status: int, message: str) -> Answer:
    """A Kubernetes Status and problem details (RFC 9457) in one."""
    told = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(status, ""),
        "code": status,
        "detail": message,
    }
    headers = [(b"content-type", b"application/json")]
    if status == 401:
        headers.append(_CHALLENGE)
    return Answer(status, json.dumps(told).encode() + b"\n", tuple(headers))
