"""The dialect of plain HTTP APIs: method, path, host and content type are what rules look at. Pure."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_plus

import re2

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.bodies import Bodies
from twisted_hoop.http.dialect import BodyFilter, Reading, Tunnel
from twisted_hoop.http.frames import EXTENSIONS
from twisted_hoop.http.messages import Answer, RequestHead, ResponseHead
from twisted_hoop.http.routing import plain_host
from twisted_hoop.http.websocket import websocket_tunnel
from twisted_hoop.model import Approval, ApprovalRequest, Decision, Facts, Refusal, Session
from twisted_hoop.settings import MaskSection, TargetSection

READS = frozenset({b"GET", b"HEAD", b"OPTIONS"})
_STRIPPED = frozenset({b"x-real-ip", b"forwarded"})
_PREFIXES = (b"impersonate-", b"x-remote-", b"x-forwarded-", b"x-original-", b"x-rewrite-")
"""What only proxies say: who the client is, and, to some frameworks, what its path is (K2, K6)."""
_OVERRIDES = frozenset({b"x-http-method", b"x-http-method-override", b"x-method-override"})
_OVERRIDE = "_method"
_OVERRIDDEN = "the method is overridden, which rules would not see: send the method itself (K5)"
_NONE: frozenset[bytes] = frozenset()
_ODD = re.compile(
    rb"//|/\.{1,2}(?:/|$)|[;\\]|%(?![0-9A-F]{2})|%(?:2[DEF]|5[CF]|3[0-9B]|4[1-9A-F]|5[0-9A]|6[1-9A-F]|7[0-9AE]|[01][0-9A-F])"
)
"""What servers read in different ways: empty and dot segments, parameters, encodings of what needs none, of `/`, of
controls, and in lower case (K6)."""
_CREDENTIAL: Any = re2.compile(
    r"(?i)(?:pass(?:word|wd|phrase)?|secret|token|authorization|credentials?|(?:api|private|access)_?key|signature|sig"
    r"|assertion|jwt|code_verifier|SAMLResponse)s?$"
)
"""How names end in a query whose values are sent as they are and shown to nobody; with `-` and `.` as with `_`."""


class PlainDialect:
    """A Dialect. `section` and `masks` are the target's, `key` the gateway's masking key."""

    def __init__(self, section: TargetSection, key: bytes, masks: Sequence[MaskSection] = ()) -> None:
        self._own = section.header.lower().encode()
        self._key = key
        self._bodies = Bodies(key, masks)
        self._readings: dict[tuple[bytes, ...], Reading] = {}

    def read(self, head: RequestHead) -> Reading:
        """See Dialect. Requests that were read before are remembered: rules decide the same facts faster."""
        if any(b"method" in name and _plain(name) in _OVERRIDES for name, _ in head.headers):
            raise ProtocolError(_OVERRIDDEN)
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
        if any(unquote_plus(pair.partition("=")[0]) == _OVERRIDE for pair in head.query.decode().split("&")):
            raise ProtocolError(_OVERRIDDEN)
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
        whole = head.query.decode()
        query = shown_query(whole)
        text = f"{method} {path}?{query}" if query else f"{method} {path}"
        shown = self._bodies.told(text)
        unseen = "" if query == whole and shown == text else unseen_of(self._key, head)
        return Reading(method, shown, (judged,), "", unseen=unseen)

    def with_body(self, head: RequestHead, reading: Reading, body: bytes) -> Reading:
        """See Dialect."""
        return reading

    def outgoing(self, head: RequestHead, reading: Reading, session: Session) -> RequestHead:
        """See Dialect: what only proxies say is not believed of a client."""
        dropped = EXTENSIONS if head.upgrade else _NONE
        kept = tuple(pair for pair in head.headers if pair[0] not in dropped and not self._is_theirs(_plain(pair[0])))
        if len(kept) == len(head.headers):
            return head
        return RequestHead(head.method, head.path, head.query, head.host, kept, head.framing, head.length, head.upgrade)

    def _is_theirs(self, name: bytes) -> bool:
        """Whether a header is for proxies alone to set, or is that of the target's credential (K2)."""
        return name in _STRIPPED or name.startswith(_PREFIXES) or (self._own != b"" and name == _plain(self._own))

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


def _plain(name: bytes) -> bytes:
    """A header's name as gateways to programs (CGI, WSGI) know it: they make no difference between `_` and `-`."""
    return name.replace(b"_", b"-")


def shown_query(query: str) -> str:
    """A query without the credentials that stand in it (K13), however their names are written."""
    return "&".join(map(_shown_pair, query.split("&")))


def _shown_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    return f"{name}=…" if equals and value and is_credential(unquote_plus(name)) else pair


def is_credential(name: str) -> bool:
    """Whether a parameter of this name is one that nobody is shown."""
    plain = name.encode("utf-8", "backslashreplace").decode().strip().rstrip("[]")
    return _CREDENTIAL.search(plain.replace("-", "_").replace(".", "_")) is not None


def unseen_of(key: bytes, head: RequestHead) -> str:
    """A digest of path and query that tells nothing without the gateway's key."""
    return hmac.digest(key, b"hoop unseen\0" + head.path + b"?" + head.query, "sha256").hex()


def problem(status: int, detail: str, request_id: str, **more: str) -> Answer:
    """Problem details (RFC 9457)."""
    said = {"type": "about:blank", "title": "hoop", "status": status, "detail": detail, "request": request_id}
    body = json.dumps({**said, **{name: value for name, value in more.items() if value}}).encode() + b"\n"
    return Answer(status, body, ((b"content-type", b"application/problem+json"),))
