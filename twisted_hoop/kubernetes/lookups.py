"""What a write with masked values in it waits for: the object as it is, read in the same exchange (M11). Pure.

It is a request of its own to rules, recordings and the target: `GET` of the same path, as the same person. What it
answers stays here: the client sees none of it.
"""

from __future__ import annotations

from typing import Any, Final

from twisted_hoop.http.dialect import BodyRefused, Lookup
from twisted_hoop.http.messages import Framing, RequestHead
from twisted_hoop.kubernetes.accepting import JSON
from twisted_hoop.kubernetes.documents import dumps, loads
from twisted_hoop.kubernetes.requests import KubeRequest
from twisted_hoop.kubernetes.restoring import Live, NotRestored, Restorable, put_back, put_back_steps
from twisted_hoop.kubernetes.writes import JSON_PATCH, refused, written

_TAKEN: Final = frozenset({
    b"", JSON, JSON_PATCH, b"application/merge-patch+json", b"application/strategic-merge-patch+json",
    b"application/apply-patch+yaml",
})  # fmt: skip
"""Types of bodies that are read here; what says it is YAML is JSON when kubectl sends it."""
_SUBRESOURCES: Final = frozenset({"", "status"})
_NOT_YET = "holds a masked value, and there is no object yet whose value it stands for: write the value itself"
_NOT_JSON = "holds a masked value, which is put back in JSON alone: send it as JSON"


class LiveLookup:
    """Puts values back in one request's body. See PuttingBack."""

    def __init__(self, request: KubeRequest, head: RequestHead, kind: bytes, rules: Restorable) -> None:
        self._request = request
        self._head = head
        self._kind = kind
        self._rules = rules
        self.why = self._why()

    def _why(self) -> str:
        request = self._request
        if request.verb == "create":
            return _NOT_YET
        if request.verb not in ("update", "patch") or not request.name or request.subresource not in _SUBRESOURCES:
            return "holds a masked value, which is not put back here"
        return "" if self._kind in _TAKEN else _NOT_JSON

    def needed(self, body: bytes, otherwise: BodyRefused) -> BodyRefused:
        """See PuttingBack."""
        if self.why:
            return otherwise
        try:
            document = loads(body)
        except ValueError:
            return refused(self._request, 422, f"the body {_NOT_JSON}")
        head = self._head
        told = tuple(pair for pair in head.headers if pair[0] in (b"user-agent", b"kubectl-session"))
        asked = RequestHead(b"GET", head.path, b"", head.host, (*told, (b"accept", JSON)), Framing.NONE)
        return Lookup(
            otherwise.answer, str(otherwise), asked, lambda status, live: self._finish(document, status, live)
        )

    def _finish(self, document: Any, status: int, answer: bytes) -> tuple[bytes, int]:
        if status != 200:
            raise self._not_read(status)
        try:
            live = Live(self._rules, self._request, self._object(answer))
            steps = self._kind == JSON_PATCH
            found, count = put_back_steps(live, document) if steps else put_back(live, document)
            return dumps(found), count
        except NotRestored as error:
            raise self._refusal(error) from None
        except (ValueError, RecursionError):
            raise refused(self._request, 502, "masked values cannot be put back: the object cannot be read") from None

    def _object(self, answer: bytes) -> dict[str, Any]:
        """The live object; it must be the one that was asked for."""
        document = loads(answer)
        metadata = document.get("metadata") if isinstance(document, dict) else None
        told = metadata if isinstance(metadata, dict) else {}
        request = self._request
        namespace = "" if (request.group, request.resource) == ("", "namespaces") else request.namespace
        if (told.get("name"), told.get("namespace", "")) != (request.name, namespace):
            raise ValueError("it is another one")
        assert isinstance(document, dict)
        return document

    def _not_read(self, status: int) -> BodyRefused:
        if status == 404:
            return written(self._request, self._request.name, _NOT_YET)
        code = 403 if status in (401, 403) else 503
        why = f"masked values cannot be put back: the target does not show the object (it answered {status})"
        return refused(self._request, code, why)

    def _refusal(self, error: NotRestored) -> BodyRefused:
        if error.status == 409:
            request = self._request
            about = f'Operation cannot be fulfilled on {request.resource} "{request.name}"'
            return refused(request, 409, f"{about}: {error.field} {error}")
        return written(self._request, error.field or "a value", f"holds a masked value that {error}")
