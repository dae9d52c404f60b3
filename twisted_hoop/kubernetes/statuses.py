"""Answers of the gateway's own as kubectl and client libraries print them: a Status whose message says it all. Pure.

Clients show `message` and nothing else of it (k8s.io/apimachinery, pkg/apis/meta/v1); `details` are for programs.
"""

from __future__ import annotations

from typing import Any

import orjson

from twisted_hoop.http.messages import Answer
from twisted_hoop.kubernetes.requests import KubeRequest
from twisted_hoop.model import Refusal

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    408: "Timeout",
    409: "Conflict",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    502: "ServiceUnavailable",
    503: "ServiceUnavailable",
    504: "Timeout",
}


def status_answer(status: int, message: str, details: dict[str, Any] | None = None) -> Answer:
    """A Status of that code."""
    told: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": _REASONS.get(status, ""),
        "code": status,
    }
    if details:
        told["details"] = details
    return Answer(status, orjson.dumps(told) + b"\n", ((b"content-type", b"application/json"),))


def refusal_answer(request: KubeRequest | None, refusal: Refusal, request_id: str) -> Answer:
    """The gate's no: why, the rule, the next step, and by what name to ask about it."""
    said = [_sentence(refusal.message), _sentence(refusal.hint)]
    known = [f"rule {refusal.decision.rule}" if refusal.decision.rule else "", f"request {request_id}"]
    message = f"hoop: {' '.join(filter(None, said))} ({', '.join(filter(None, known))})"
    causes = [{"reason": "hoop." + refusal.code, "message": refusal.message}]
    if refusal.approval_id:
        causes.append({"reason": "hoop.approval", "message": refusal.approval_id})
    return status_answer(403, message, {**_about(request), "uid": request_id, "causes": causes})


def refusal_text(refusal: Refusal) -> str:
    """The gate's no where there is room for a line only."""
    return f"hoop: {' '.join(filter(None, (_sentence(refusal.message), refusal.hint)))}"


def _sentence(text: str) -> str:
    return text if not text or text.endswith((".", "!", "?")) else text + "."


def _about(request: KubeRequest | None) -> dict[str, Any]:
    if request is None or request.kind == "path":
        return {}
    about = {"name": request.name, "group": request.group, "kind": request.resource}
    return {key: value for key, value in about.items() if value}
