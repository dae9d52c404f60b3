"""Messages as bytes: every one that leaves is written here anew, never passed on as it came (K7). Pure."""

from __future__ import annotations

from http import HTTPStatus

from twisted_hoop.http.messages import Answer, Framing, Headers, RequestHead, ResponseHead

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
_FORBIDDEN = (b"authorization", b"proxy-", b"connection", b"transfer-encoding", b"content-length", b"upgrade", b"host")


class RequestStart:
    """A request's head without the target's credential and without its end: those are added where they are kept."""

    __slots__ = ("body", "lines", "replayable")

    def __init__(self, lines: bytes, replayable: bool = False) -> None:
        self.lines = lines
        self.body = b""
        """What of the body leaves with it, framed."""
        self.replayable = replayable
        """Whether it has no body and changes nothing: it may be sent again when a kept connection turns out dead."""


def request_start(head: RequestHead, host: bytes, framing: Framing, length: int) -> RequestStart:
    """A request to the target as a dialect wants it. ValueError for a header that is the engine's (K1, asserted)."""
    target = head.path + b"?" + head.query if head.query else head.path
    lines = [head.method + b" " + target + b" HTTP/1.1\r\nhost: " + host + b"\r\n"]
    for name, value in head.headers:
        if name.startswith(_FORBIDDEN):
            raise ValueError(f"a dialect sends the header {name.decode('ascii', 'replace')}, which is the engine's")
        lines.append(name + b": " + value + b"\r\n")
    if head.upgrade:
        lines.append(b"connection: Upgrade\r\nupgrade: " + _spelled(head.upgrade) + b"\r\n")
    if framing is Framing.CHUNKED:
        lines.append(b"transfer-encoding: chunked\r\n")
    elif framing is Framing.LENGTH:
        lines.append(b"content-length: %d\r\n" % length)
    return RequestStart(b"".join(lines), framing is Framing.NONE and head.method in (b"GET", b"HEAD"))


def _spelled(upgrade: bytes) -> bytes:
    """The name as servers compare it who mind its case."""
    return b"SPDY/3.1" if upgrade == b"spdy/3.1" else upgrade


def response_start(head: ResponseHead, more: Headers, framing: Framing, length: int, close: bool) -> bytes:
    """An answer's head. A `length` below zero with Framing.NONE tells none."""
    lines = [b"HTTP/1.1 %d %b\r\n" % (head.status, head.reason)]
    for name, value in head.headers:
        lines.append(name + b": " + value + b"\r\n")
    for name, value in more:
        lines.append(name + b": " + value + b"\r\n")
    if framing is Framing.CHUNKED:
        lines.append(b"transfer-encoding: chunked\r\n")
    elif framing is Framing.LENGTH or (framing is Framing.NONE and length >= 0):
        lines.append(b"content-length: %d\r\n" % length)
    if head.status == 101:
        lines.append(b"connection: Upgrade\r\nupgrade: " + _spelled(head.upgrade) + b"\r\n")
    elif close:
        lines.append(b"connection: close\r\n")
    lines.append(b"\r\n")
    return b"".join(lines)


def answer_bytes(answer: Answer, more: Headers = (), *, close: bool, method: bytes = b"GET") -> bytes:
    """A whole answer of the gateway's own."""
    head = ResponseHead(answer.status, _REASONS.get(answer.status, b""), answer.headers)
    start = response_start(head, more, Framing.LENGTH, len(answer.body), close)
    return start if method == b"HEAD" else start + answer.body


def chunk(data: bytes) -> bytes:
    """One chunk; nothing for no bytes, as an empty one would be the last."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
