"""The dialect of plain HTTP APIs: method, path, host and content type are what rules look at. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.bodies import Bodies
from twisted_hoop.http.dialect import BodyFilter, Reading, Tunnel
from twisted_hoop.http.frames import EXTENSIONS
from twisted_hoop.http.messages import Answer, RequestHead, ResponseHead
from twisted_hoop.http.reading import without
from twisted_hoop.http.routing import plain_host
from twisted_hoop.http.websocket import websocket_tunnel
from twisted_hoop.model import Approval, ApprovalRequest, Decision, Facts, Refusal, Session
from twisted_hoop.settings import MaskSection, TargetSection

READS = frozenset({b"GET", b"HEAD", b"OPTIONS"})
_STRIPPED = frozenset({b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"forwarded"})
_STRIPPED_FROM_UPGRADES = _STRIPPED | EXTENSIONS
_PREFIXES = (b"impersonate-", b"x-remote-")
_ODD = re.compile(
    rb"//|/\.{1,2}(?:/|$)|[;\\]|%(?![0-9A-F]{2})|%(?:2[DEF]|5[CF]|3[0-9B]|4[1-9A-F]|5[0-9A]|6[1-9A-F]|7[0-9AE]|[01][0-9A-F])"
)
"""What servers read in different ways: empty and dot segments, parameters, encodings of what needs none, of `/`, of
controls, and in lower case (K6)."""
_TOKENS = re.compile(r"((?:^|&)(?:access_token|id_token|refresh_token|token|api_?key|password|secret)=)[^&]*", re.I)
"""Credentials in a query, which are sent as they are and shown to nobody."""


class PlainDialect:
    """A Dialect. `section` and `masks` are the target's, `key` the gateway's masking key."""

    def __init__(self, section: TargetSection, key: bytes, masks: Sequence[MaskSection] = ()) -> None:
        self._section = section
        self._bodies = Bodies(key, masks)
        self._readings: dict[tuple[bytes, ...], Reading] = {}

    def read(self, head: RequestHead) -> Reading:
        """See Dialect. Requests that were read before are remembered: rules decide the same facts faster."""
        kind = head.value(b"content-type").partition(b";")[0].strip().lower()
        key = (head.method, head.path, head.query, head.host, kind, head.upgrade)
        found = self._readings.get(key)
        if found is None:
            if len(self._readings) >= 1024:
                self._readings.clear()
            found = self._readings[key] = self._read(head, kind)
        return found

    def _read(self, head: RequestHead, kind: bytes) -> Reading:
        if _ODD.search(head.path):
            raise ProtocolError("the path is not written in its canonical form (K6)")
        if head.upgrade and head.upgrade != b"websocket":
            raise ProtocolError("connections of this target are upgraded to WebSockets only", code="501")
        method, path = head.method.decode(), head.path.decode()
        facts: dict[str, frozenset[str]] = {
            "class": frozenset({"websocket" if head.upgrade else "read" if head.method in READS else "write"}),
            "method": frozenset({method}),
            "path": frozenset({path}),
            "host": frozenset({plain_host(head.host)}),
        }
        if kind:
            facts["content_type"] = frozenset({kind.decode("latin-1")})
        judged: Facts = facts
        query = shown_query(head.query.decode())
        text = f"{method} {path}?{query}" if query else f"{method} {path}"
        return Reading(method, self._bodies.told(text), (judged,), "")

    def with_body(self, head: RequestHead, reading: Reading, body: bytes) -> Reading:
        """See Dialect."""
        return reading

    def outgoing(self, head: RequestHead, reading: Reading, session: Session) -> RequestHead:
        """See Dialect: what only proxies say is not believed of a client."""
        stripped = _STRIPPED_FROM_UPGRADES if head.upgrade else _STRIPPED
        if not any(name in stripped or name.startswith(_PREFIXES) for name, _ in head.headers):
            return head
        kept = tuple(pair for pair in without(head.headers, stripped) if not pair[0].startswith(_PREFIXES))
        return RequestHead(head.method, head.path, head.query, head.host, kept, head.framing, head.length, head.upgrade)

    def request_body(self, head: RequestHead, reading: Reading, masks: Sequence[MaskSection]) -> BodyFilter | None:
        """See Dialect."""
        return self._bodies.request_filter(masks, head)

    def response_body(
        self, head: RequestHead, reading: Reading, response: ResponseHead, masks: Sequence[MaskSection]
    ) -> BodyFilter | None:
        """See Dialect."""
        return self._bodies.response_filter(masks, response)

    def tunnel(
        self,
        head: RequestHead,
        reading: Reading,
        response: ResponseHead,
        decision: Decision,
        masks: Sequence[MaskSection],
        number: int,
    ) -> Tunnel | None:
        """See Dialect."""
        return websocket_tunnel(self._bodies, head, response, decision, masks, number)

    def refusal(self, head: RequestHead, refusal: Refusal, session: Session, request_id: str) -> Answer:
        """See Dialect: problem details (RFC 9457)."""
        more = {"rule": refusal.decision.rule, "code": refusal.code, "hint": refusal.hint}
        if refusal.approval_id:
            more["approval"] = refusal.approval_id
        return problem(403, refusal.message, request_id, **more)

    def failure(self, head: RequestHead | None, status: int, message: str, request_id: str) -> Answer:
        """See Dialect."""
        return problem(status, message, request_id)

    def told(
        self, request: ApprovalRequest, decision: Decision, approval: Approval | None
    ) -> tuple[tuple[bytes, bytes], ...]:
        """See Dialect."""
        return ((b"x-hoop-approval", request.id.encode()),)


def shown_query(query: str) -> str:
    """A query without the credentials that stand in it (K13)."""
    return _TOKENS.sub(r"\1…", query)


def problem(status: int, detail: str, request_id: str, **more: str) -> Answer:
    """Problem details (RFC 9457)."""
    said = {"type": "about:blank", "title": "hoop", "status": status, "detail": detail, "request": request_id}
    body = json.dumps({**said, **{name: value for name, value in more.items() if value}}).encode() + b"\n"
    return Answer(status, body, ((b"content-type", b"application/problem+json"),))
