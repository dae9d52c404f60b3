"""Writing answers to a twisted.web request: headers every answer has, and streams that wait for slow readers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.threads import deferToThreadPool
from twisted.web.http import Request
from zope.interface import implementer

from twisted_hoop.web.calls import Answer, Push, Reply, Stream

# What a browser that is led here by mistake may do with an answer: nothing.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "hoop",
    "X-Content-Type-Options": "nosniff",
}
_TLS_ONLY = {"Strict-Transport-Security": "max-age=31536000"}


def start(request: Request, answer: Answer, request_id: str, encrypted: bool) -> None:
    """Set status and headers."""
    request.setResponseCode(answer.status if isinstance(answer, Reply) else 200)
    headers = _HEADERS | (_TLS_ONLY if encrypted else {}) | {"X-Request-Id": request_id}
    headers |= {"Content-Type": answer.media_type} | (dict(answer.headers) if isinstance(answer, Reply) else {})
    for name, value in headers.items():
        request.setHeader(name.encode("ascii"), value.encode("ascii"))


def send_whole(request: Request, reply: Reply) -> None:
    """Write a Reply's body and finish."""
    data = reply.data()
    request.setHeader(b"Content-Length", b"%d" % len(data))
    request.write(data)
    request.finish()


async def send_stream(request: Request, stream: Stream, reactor: Any) -> None:
    """Write a stream's pieces: each is made in a thread, and only once the reader has taken the one before."""
    tap = Tap()
    request.registerProducer(tap, True)
    pieces = stream.pieces()
    try:
        while not tap.closed:
            piece = await deferToThreadPool(reactor, reactor.getThreadPool(), _next, pieces)
            if piece is None or tap.closed:
                break
            request.write(piece)
            await tap.open()
    finally:
        if not tap.closed:
            request.unregisterProducer()
    if not tap.closed:
        request.finish()


async def send_push(request: Request, push: Push) -> None:
    """Write what comes until the reader leaves or the source is over. A slow reader is waited for, not buffered for."""
    tap = Tap()
    tap.on_close = push.left
    request.registerProducer(tap, True)
    try:
        while not tap.closed and not push.source.over:
            data = push.source.take()
            if data:
                request.write(data)
                await tap.open()
            else:
                await push.source.more()
    finally:
        push.left()
        if not tap.closed:
            request.unregisterProducer()
    if not tap.closed:
        request.finish()


def _next(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


@implementer(IPushProducer)
class Tap:
    """Whether the reader takes more now. `closed`: it is gone."""

    def __init__(self) -> None:
        self.closed = False
        self.on_close: Callable[[], None] = lambda: None
        self._waiting: Deferred[None] | None = None

    def open(self) -> Deferred[None]:
        """Fires when more may be written, or nobody reads any more."""
        if self._waiting is None:
            done: Deferred[None] = Deferred()
            done.callback(None)
            return done
        return self._waiting

    def pauseProducing(self) -> None:
        """See IPushProducer."""
        if self._waiting is None:
            self._waiting = Deferred()

    def resumeProducing(self) -> None:
        """See IPushProducer."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def stopProducing(self) -> None:
        """See IPushProducer."""
        self.closed = True
        self.resumeProducing()
        self.on_close()
