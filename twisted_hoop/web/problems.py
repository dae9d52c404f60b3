"""Errors as clients of the API see them: RFC 9457 problem details. What is not named here is "internal error"."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from twisted_hoop.approval.ballots import Objection
from twisted_hoop.errors import (
    AuthenticationFailed,
    IssuerUnavailable,
    LimitExceeded,
    StoreUnavailable,
    UnknownRecording,
)
from twisted_hoop.store.paging import BadCursor

MEDIA_TYPE = "application/problem+json"
_OBJECTIONS = {"missing": 404, "forbidden": 403, "decided": 409, "changed": 409}


class Problem(Exception):
    """The end of a call. `detail` is shown to the client; `errors` are one line per wrong field."""

    def __init__(
        self, status: int, detail: str = "", headers: Mapping[str, str] | None = None, errors: tuple[str, ...] = ()
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.errors = errors

    def body(self, request_id: str) -> dict[str, Any]:
        """The members of RFC 9457 section 3.1; `instance` is the request's id, which the log has too."""
        title = HTTPStatus(self.status).phrase
        body: dict[str, Any] = {"type": "about:blank", "title": title, "status": self.status}
        body |= {"detail": self.detail} if self.detail else {}
        body |= {"errors": list(self.errors)} if self.errors else {}
        return body | {"instance": f"urn:hoop:request:{request_id}"}


def problem_of(fault: Exception) -> Problem | None:
    """The problem an expected error is, or None for one that is nobody's business but the log's."""
    if isinstance(fault, Problem):
        return fault
    if isinstance(fault, Objection):
        return Problem(_OBJECTIONS[fault.code], str(fault))
    if isinstance(fault, IssuerUnavailable):
        return Problem(503, "the token's issuer cannot be asked now", {"Retry-After": "5"})
    if isinstance(fault, AuthenticationFailed):
        # RFC 6750 section 3.1; why it failed is for the log only.
        return Problem(401, fault.public, {"WWW-Authenticate": 'Bearer realm="hoop", error="invalid_token"'})
    if isinstance(fault, BadCursor):
        return Problem(400, "the cursor is none of ours")
    if isinstance(fault, LimitExceeded):
        return Problem(429, str(fault), {"Retry-After": "60"})
    if isinstance(fault, UnknownRecording):
        return Problem(404, "no such recording")
    if isinstance(fault, StoreUnavailable):
        return Problem(503, "the store does not answer", {"Retry-After": "5"})
    return None
