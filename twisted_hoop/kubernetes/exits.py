"""How a command in a container ended: the Status that API servers send on its error stream. Pure.

Source: k8s.io/client-go/tools/remotecommand/v4.go; before v4 it is a text, and nothing at all when all went well.
"""

from __future__ import annotations

import json


def exit_of(data: bytes) -> dict[str, object]:
    """For the outcome: `status`, or `failed` with the reason why there is none. Never raises."""
    try:
        told = json.loads(data)
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return {"failed": data.decode("utf-8", "replace")[:1000]}
    if told.get("status") == "Success":
        return {"status": 0}
    code = _exit_code(told)
    return {"status": code} if code is not None else {"failed": str(told.get("message", ""))[:1000]}


def _exit_code(told: dict[str, object]) -> int | None:
    details = told.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    for cause in causes if isinstance(causes, list) else ():
        text = str(cause.get("message", "")) if isinstance(cause, dict) and cause.get("reason") == "ExitCode" else ""
        if text.isascii() and text.isdigit() and len(text) < 10:
            return int(text)
    return None


def refused_status(message: str) -> bytes:
    """A Status that clients print as their error."""
    told = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    return json.dumps({**told, "reason": "Forbidden", "code": 403}).encode()
