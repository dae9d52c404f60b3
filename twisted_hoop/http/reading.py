"""Heads of HTTP/1.1 messages, read strictly: what two readers might take for two things is refused (K7). Pure.

By hand, so that every byte is looked at by rules that stand here, and because lines that come again (they do, on a
connection that is kept) need not be read again. tests/test_http_reading.py holds it against llhttp.

Sources: RFC 9112 (HTTP/1.1), sections 2 to 7; RFC 9110, section 5.6.2 (tokens) and 7.6.1 (Connection).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.messages import Framing, Headers, RequestHead, ResponseHead

MAX_HEAD = 1024 * 1024 + 16 * 1024
"""Bytes of one head: a header line of 1 MB (tokens of some issuers are large) and the rest."""
MAX_HEADERS = 256
"""Header lines of one head (K9)."""
MAX_LENGTH = 1 << 60
"""Largest Content-Length."""
_LINES = 64
"""Header lines that are remembered, of at most _LINE bytes each."""
_LINE = 2048
_HEADS = 4
"""Whole heads that are remembered, of at most _LINE bytes each."""

UPGRADES = frozenset({b"websocket", b"spdy/3.1"})
"""What connections may be upgraded to; other wishes (h2c) are not passed on, as RFC 9110, section 7.8 allows."""

_REQUEST = re.compile(rb"([A-Z][A-Z-]{0,31}) (/[!\"$-~]*) HTTP/1\.([01])")
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: ([\t -~\x80-\xff]*))?")
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_HOST = re.compile(rb"[A-Za-z0-9._~%\[\]:-]{0,300}")
_DIGITS = re.compile(rb"[0-9]{1,19}")
_OWNED = frozenset({
    b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"content-length", b"upgrade", b"host",
    b"expect", b"http2-settings", b"authorization", b"x-hoop-reason",
})  # fmt: skip
_NEVER_NAMED = (b"authorization", b"impersonate", b"x-remote-", b"x-forwarded-", b"host", b"content-", b"transfer-")
"""What a Connection header may not name: it would make a proxy drop what it was told by somebody else (K1)."""

Line = tuple[bytes, bytes, bool]
"""Name in lower case, value, whether the engine owns it."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request's head, and what is for the gateway alone: about the connection, the client's credential, a reason."""

    head: RequestHead
    keep_alive: bool
    expects: bool
    minor: int
    authorization: bytes = b""
    reason: bytes = b""

    def of(self, head: RequestHead) -> Request:
        """The same with another head; what costs a third of `dataclasses.replace`, as it is done for every request."""
        return Request(head, self.keep_alive, self.expects, self.minor, self.authorization, self.reason)

    def __repr__(self) -> str:
        return f"<Request {self.head.method!r}>"


@dataclass(frozen=True, slots=True)
class Response:
    """An answer's head; `declared` is its Content-Length, -1 for none: with HEAD it tells of no body."""

    head: ResponseHead
    keep_alive: bool
    declared: int


class Heads:
    """Reads heads, and remembers some of those before, and their lines: one for each connection."""

    __slots__ = ("_known", "_requests")

    def __init__(self) -> None:
        self._known: dict[bytes, Line] = {}
        self._requests: dict[bytes, Request] = {}

    def request(self, head: bytes) -> Request:
        """The request whose head, up to its empty line, this is; ProtocolError for everything else.

        Octet for octet the same head is the same request: clients ask for one thing again and again.
        """
        found = self._requests.get(head)
        if found is None:
            found = self._request(head)
            if len(head) <= _LINE:
                if len(self._requests) >= _HEADS:
                    self._requests.clear()
                self._requests[head] = found
        return found

    def _request(self, head: bytes) -> Request:
        lines = head.split(b"\r\n")
        first = _REQUEST.fullmatch(lines[0])
        if first is None:
            raise _refused(lines[0])
        headers, owned = self._fields(lines)
        method, target, minor = first.groups()
        path, _, query = target.partition(b"?")
        tokens, named = connection_tokens(owned)
        if named:
            headers = [pair for pair in headers if pair[0] not in named]
        framing, length = _request_framing(owned, minor)
        upgrade = _one(owned, b"upgrade").lower() if b"upgrade" in tokens else b""
        if upgrade not in UPGRADES:
            upgrade = b""
        made = RequestHead(method, path, query, _host(owned, minor), tuple(headers), framing, length, upgrade)
        keep = minor == b"1" and b"close" not in tokens
        return Request(
            made, keep, _expects(owned), int(minor), _one(owned, b"authorization"), _one(owned, b"x-hoop-reason")
        )

    def response(self, head: bytes, method: bytes) -> Response:
        """The answer to a request with that method; ProtocolError (side "target") for what is none."""
        lines = head.split(b"\r\n")
        first = _STATUS.fullmatch(lines[0])
        if first is None:
            raise ProtocolError("the target's answer is no HTTP/1.1", "target")
        try:
            headers, owned = self._fields(lines)
            tokens, named = connection_tokens(owned)
            framing, length, declared = _response_framing(owned, method, int(first[2]))
        except ProtocolError as error:
            raise ProtocolError(f"the target's answer: {error}", "target") from error
        if named:
            headers = [pair for pair in headers if pair[0] not in named]
        keep = b"close" not in tokens if first[1] == b"1" else b"keep-alive" in tokens
        upgrade = _one(owned, b"upgrade").lower() if b"upgrade" in tokens else b""
        made = ResponseHead(int(first[2]), first[3] or b"", tuple(headers), framing, length, upgrade)
        return Response(made, keep and framing is not Framing.CLOSE, declared)

    def _fields(self, lines: list[bytes]) -> tuple[list[tuple[bytes, bytes]], dict[bytes, list[bytes]]]:
        if len(lines) > MAX_HEADERS + 1:
            raise ProtocolError("too many header lines", code="431")
        headers: list[tuple[bytes, bytes]] = []
        owned: dict[bytes, list[bytes]] = {}
        known = self._known
        for line in lines[1:]:
            name, value, ours = known.get(line) or self._line(line)
            if ours:
                owned.setdefault(name, []).append(value)
            else:
                headers.append((name, value))
        return headers, owned

    def _line(self, line: bytes) -> Line:
        name, colon, value = line.partition(b":")
        if not colon or _TOKEN.fullmatch(name) is None:
            raise ProtocolError("a header line has no proper name")
        value = value.strip(b" \t")
        if _CONTROL.search(value) is not None:
            raise ProtocolError("a header value has control characters")
        name = name.lower()
        found = (name, value, name in _OWNED or name.startswith(b"proxy-"))
        if len(line) <= _LINE:
            if len(self._known) >= _LINES:
                self._known.clear()
            self._known[line] = found
        return found


def connection_tokens(owned: dict[bytes, list[bytes]]) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """What Connection says: (all of it in lower case, names of headers that end here). ProtocolError as in K1."""
    values = owned.get(b"connection")
    if not values:
        return _NOTHING, _NOTHING
    tokens = frozenset(token.strip(b" \t").lower() for value in values for token in value.split(b","))
    named = tokens - _OPTIONS
    for name in named:
        if name.startswith(_NEVER_NAMED):
            raise ProtocolError("a Connection header names a header that is not about the connection (K1)")
    return tokens, named


_NOTHING: frozenset[bytes] = frozenset()
_OPTIONS = frozenset({b"close", b"keep-alive", b"upgrade", b"te", b"trailer", b"http2-settings", b""})


def _refused(line: bytes) -> ProtocolError:
    """Why a request line is none; it is not quoted, as it may hold a token."""
    words = line.split(b" ")
    if len(words) == 3 and words[2] not in (b"HTTP/1.1", b"HTTP/1.0"):
        return ProtocolError("only HTTP/1.1 is spoken here", code="505")
    if len(words) == 3 and words[1][:1] != b"/":
        return ProtocolError("the request target must be a path (RFC 9112, section 3.2.1)")
    return ProtocolError("the request line is malformed")


def _one(owned: dict[bytes, list[bytes]], name: bytes) -> bytes:
    values = owned.get(name)
    if not values:
        return b""
    if len(values) > 1:
        raise ProtocolError(f"the header {name.decode()} stands there twice")
    return values[0]


def _host(owned: dict[bytes, list[bytes]], minor: bytes) -> bytes:
    if minor == b"1" and len(owned.get(b"host", ())) != 1:
        raise ProtocolError("a request has exactly one Host")
    host = _one(owned, b"host")
    if _HOST.fullmatch(host) is None:
        raise ProtocolError("the Host header is malformed")
    return host


def _expects(owned: dict[bytes, list[bytes]]) -> bool:
    value = _one(owned, b"expect").lower()
    if value not in (b"", b"100-continue"):
        raise ProtocolError("this expectation cannot be met", code="417")
    return value != b""


def _length(owned: dict[bytes, list[bytes]]) -> int:
    """Content-Length, -1 for none. Two, even equal ones, and lists are refused (K7)."""
    if b"content-length" not in owned:
        return -1
    value = _one(owned, b"content-length")
    if _DIGITS.fullmatch(value) is None or int(value) > MAX_LENGTH:
        raise ProtocolError("the Content-Length is malformed (K7)")
    return int(value)


def _chunked(owned: dict[bytes, list[bytes]]) -> bool:
    if b"transfer-encoding" not in owned:
        return False
    if _one(owned, b"transfer-encoding").lower() != b"chunked":
        raise ProtocolError("no Transfer-Encoding but chunked is known here (K7)", code="501")
    if b"content-length" in owned:
        raise ProtocolError("Content-Length and Transfer-Encoding stand side by side (K7)")
    return True


def _request_framing(owned: dict[bytes, list[bytes]], minor: bytes) -> tuple[Framing, int]:
    if _chunked(owned):
        if minor != b"1":
            raise ProtocolError("HTTP/1.0 has no Transfer-Encoding (K7)")
        return Framing.CHUNKED, 0
    length = _length(owned)
    return (Framing.NONE, 0) if length < 0 else (Framing.LENGTH, length)


def _response_framing(owned: dict[bytes, list[bytes]], method: bytes, status: int) -> tuple[Framing, int, int]:
    """RFC 9112, section 6.3, in its order."""
    chunked, length = _chunked(owned), _length(owned)
    if method == b"HEAD" or status < 200 or status in (204, 304):
        return Framing.NONE, 0, length
    if chunked:
        return Framing.CHUNKED, 0, -1
    if length >= 0:
        return Framing.LENGTH, length, length
    return Framing.CLOSE, 0, -1


def without(headers: Headers, names: frozenset[bytes]) -> Headers:
    """Headers but for those names."""
    return tuple(pair for pair in headers if pair[0] not in names)
