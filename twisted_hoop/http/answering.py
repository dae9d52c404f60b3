"""The answer's side of an exchange: read, filtered, framed anew. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.dialect import BodyFilter, Dialect, Reading, Tunnel
from twisted_hoop.http.entries import outcome_entry, tunnel_entry
from twisted_hoop.http.framing import Body, body_of
from twisted_hoop.http.messages import Answer, Framing, Headers, ResponseHead
from twisted_hoop.http.reading import MAX_HEAD, Heads, Request, Response
from twisted_hoop.http.writing import LAST_CHUNK, chunk, response_start
from twisted_hoop.model import Decision, Entry
from twisted_hoop.settings import MaskSection
from twisted_hoop.steps import Step, ToClient

MAX_INTERIM = 10
"""Answers of 1xx before the final one; they are dropped."""


class Whole(Protocol):
    """What an answer belongs to."""

    request: Request
    close: bool

    def whole(self) -> list[Step]:
        """The answer is complete."""

    def failed(self, status: int, message: str) -> list[Step]:
        """It cannot be given."""

    @property
    def surplus(self) -> bytes:
        """What the client sent behind its request."""

    @property
    def uploading(self) -> bool:
        """Whether it has not sent all of it."""

    def of_tunnel(self, produce: Callable[[], list[Step]]) -> list[Step]:
        """Its steps, or its end."""


class Answering:
    """See the module. `begun` is whether the client was given a part of it."""

    def __init__(self, exchange: Whole, heads: Heads, dialect: Dialect, number: int) -> None:
        self.response: Response | None = None
        self.tunnel: Tunnel | None = None
        self.begun = False
        self.told: Headers = ()
        self._exchange = exchange
        self._heads = heads
        self._dialect = dialect
        self._number = number
        self._buffer = b""
        self._interim = 0
        self._body: Body | None = None
        self._filter: BodyFilter | None = None
        self._framing = Framing.NONE
        self._reading: Reading | None = None
        self._decision: Decision | None = None
        self._masks: Sequence[MaskSection] = ()
        self._status = 0
        self._bytes = 0
        self._surplus = False

    def admitted(self, reading: Reading, decision: Decision, masks: Sequence[MaskSection], told: Headers) -> None:
        """The request is about to be sent."""
        self._reading, self._decision, self._masks, self.told = reading, decision, masks, told

    def own(self, answer: Answer) -> None:
        """The gateway answers by itself."""
        self.begun = True
        self._status, self._bytes = answer.status, len(answer.body)
        self._surplus = True

    @property
    def reusable(self) -> bool:
        """Whether the target's connection may carry another request: the answer was whole, nothing behind it (K8)."""
        response, body = self.response, self._body
        if response is None or body is None or self._surplus or self.tunnel is not None:
            return False
        return response.keep_alive and body.complete and not body.surplus

    @property
    def holding(self) -> bool:
        """Whether something may be held back that a pause sets free."""
        return self.tunnel is not None or (self._filter is not None and self.begun)

    def outcome(self, error: str = "") -> Entry:
        """What it came to."""
        if self.tunnel is not None:
            return tunnel_entry(self._number, self.tunnel.outcome(), error)
        masked = self._filter.masked if self._filter is not None else 0
        return outcome_entry(self._number, self._status, self._bytes, masked, error)

    # -- the head -------------------------------------------------------------------------------------------------

    def received(self, data: bytes) -> list[Step]:
        """Bytes of the target. Raises ProtocolError and BodyRefused."""
        if self.response is not None:
            return self._content(data)
        if self._decision is None:
            raise ProtocolError("the target spoke before it was asked", "target")
        self._buffer = self._buffer + data if self._buffer else data
        while True:
            end = self._buffer.find(b"\r\n\r\n", 0, MAX_HEAD)
            if end < 0:
                if len(self._buffer) >= MAX_HEAD:
                    raise ProtocolError("the head of the target's answer is too long", "target")
                return []
            response = self._heads.response(self._buffer[:end], self._exchange.request.head.method)
            rest, self._buffer = self._buffer[end + 4 :], b""
            if response.head.status >= 200 or response.head.status == 101:
                return self._begin(response, rest)
            self._dropped(rest)

    def _dropped(self, rest: bytes) -> None:
        self._interim += 1
        self._buffer = rest
        if self._interim > MAX_INTERIM:
            raise ProtocolError("the target's answer begins too often", "target")

    def _begin(self, response: Response, rest: bytes) -> list[Step]:
        head, request = response.head, self._exchange.request.head
        self.response = response
        self._status = head.status
        if head.status == 101:
            return self._upgraded(head, rest)
        if request.upgrade and 300 <= head.status < 400:  # K4, CVE-2022-3172
            raise ProtocolError("the target answered an upgrade with a redirect", "target")
        assert self._reading is not None
        self._filter = self._dialect.response_body(request, self._reading, head, self._masks)
        self._body = body_of(head.framing, head.length)
        payload = self._body.feed(rest) if rest else b""
        return self._first(response, payload)

    def _first(self, response: Response, payload: bytes) -> list[Step]:
        """The head, with as much of the body as has come."""
        body, exchange = self._body, self._exchange
        assert body is not None
        payload = self._filtered(payload)
        self._framing, length = self._chosen(response, len(payload))
        if self._framing is Framing.CLOSE:
            exchange.close = True
        start = response_start(response.head, self.told, self._framing, length, exchange.close)
        self.begun = True
        self._bytes += len(payload)
        if self._framing is Framing.CHUNKED:
            payload = chunk(payload)
        steps: list[Step] = [ToClient(start + payload)]
        return steps + exchange.whole() if body.complete else steps

    def _chosen(self, response: Response, size: int) -> tuple[Framing, int]:
        """How the client is told where the body ends."""
        head, body = response.head, self._body
        if head.framing is Framing.NONE:
            hidden = self._filter is not None or head.status == 204
            return Framing.NONE, -1 if hidden else response.declared
        if body is not None and body.complete:
            return Framing.LENGTH, size
        if head.framing is Framing.LENGTH and self._filter is None:
            return Framing.LENGTH, head.length
        return (Framing.CHUNKED if self._exchange.request.minor else Framing.CLOSE), 0

    # -- the body -------------------------------------------------------------------------------------------------

    def _content(self, data: bytes) -> list[Step]:
        body = self._body
        assert body is not None
        return self._shown(self._filtered(body.feed(data)), body.complete)

    def _filtered(self, payload: bytes) -> bytes:
        masker = self._filter
        if masker is None:
            return payload
        assert self._body is not None
        out = masker.feed(payload) if payload else b""
        return out + masker.flush() if self._body.complete else out

    def _shown(self, payload: bytes, last: bool) -> list[Step]:
        self._bytes += len(payload)
        if self._framing is Framing.CHUNKED:
            payload = chunk(payload) + (LAST_CHUNK if last else b"")
        steps: list[Step] = [ToClient(payload)] if payload else []
        return steps + self._exchange.whole() if last else steps

    def idle(self) -> list[Step]:
        """Nothing came for a moment."""
        if self._filter is None or not self.begun:
            return []
        return self._shown(self._filter.idle(), False)

    def closed(self) -> list[Step] | None:
        """The target's connection is closed: the rest of an answer that ends so, None when that cuts it short."""
        response, body = self.response, self._body
        if response is None or body is None or response.head.framing is not Framing.CLOSE:
            return None
        body.complete = True
        return self._shown(self._filtered(b""), True)

    # -- upgrades -------------------------------------------------------------------------------------------------

    def _upgraded(self, head: ResponseHead, rest: bytes) -> list[Step]:
        """Only a 101 with the protocol that was asked for opens a tunnel (K3, CVE-2018-1002105)."""
        request = self._exchange.request.head
        if not request.upgrade or head.upgrade != request.upgrade:
            raise ProtocolError("the target switches to a protocol that was not asked for (K3)", "target")
        if self._exchange.uploading:
            raise ProtocolError("the target switches protocols before it has the request (K3)", "target")
        assert self._reading is not None and self._decision is not None
        tunnel = self._dialect.tunnel(request, self._reading, head, self._decision, self._masks, self._number)
        if tunnel is None:
            return self._exchange.failed(502, "this connection may not be upgraded")
        self.begun = self._exchange.close = True
        self.tunnel = tunnel
        steps: list[Step] = [ToClient(response_start(head, self.told, Framing.NONE, -1, False))]
        return steps + self._exchange.of_tunnel(lambda: self._first_steps(tunnel, rest))

    def _first_steps(self, tunnel: Tunnel, rest: bytes) -> list[Step]:
        steps = tunnel.begin()
        if self._exchange.surplus:
            steps += tunnel.client_received(self._exchange.surplus)
        return steps + tunnel.target_received(rest) if rest else steps
