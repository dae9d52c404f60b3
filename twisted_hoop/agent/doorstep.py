"""The first bytes of a connection to a listener of agents: SSH at once, or an HTTP upgrade to a WebSocket around it.

One port serves both, behind TLS; who says neither within the time for log-ins is shown out (S7).
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from twisted_hoop.agent.websocket import (
    LONGEST_HEAD,
    WebSocketCarrier,
    answer_to,
    parse_head,
    problem_with,
    refusal,
)
from twisted_hoop.agent.words import WEBSOCKET_PATH

_SSH = b"SSH-"
_END = b"\r\n\r\n"


class Doorstep(Protocol):
    """See the module. `inner` makes the protocol for agents; `context` the TLS context, None for plain loopback."""

    transport: Any

    def __init__(
        self,
        reactor: Any,
        context: Callable[[], ssl.SSLContext] | None,
        inner: Callable[[], Any],
        gone: Callable[[], None],
        within: float,
    ) -> None:
        self._context = context
        self._make = inner
        self._gone = gone
        self._inner: Any = None
        self._head = b""
        self._late = reactor.callLater(within, self._too_late)

    def firstByte(self, byte: int) -> ssl.SSLContext | None:
        """See IFirstByteListener: TLS from the first byte on, wherever there is a certificate."""
        return self._context() if self._context is not None else None

    def dataReceived(self, data: bytes) -> None:
        """Bytes until it is known what they are."""
        self._head += data
        if _SSH.startswith(self._head[:4]):
            if len(self._head) >= 4:
                self._become(self._make(), None)
        elif _END in self._head:
            self._upgrade(*self._head.split(_END, 1))
        elif len(self._head) > LONGEST_HEAD:
            self._refuse(431, "too large")

    def _upgrade(self, head: bytes, rest: bytes) -> None:
        try:
            words, headers = parse_head(head)
        except ValueError as error:
            self._refuse(400, str(error))
            return
        status, why = problem_with(words, headers, WEBSOCKET_PATH)
        if status:
            self._refuse(status, why)
            return
        self.transport.write(answer_to(headers))
        self._head = rest
        self._become(self._make(), WebSocketCarrier(self.transport, "target"))

    def _refuse(self, status: int, text: str) -> None:
        self._head = b""
        self.transport.write(refusal(status, text))
        self.transport.loseConnection()

    def _become(self, inner: Any, carrier: WebSocketCarrier | None) -> None:
        """From now on what comes goes there by the shortest way."""
        self._stop()
        self._inner, head, self._head = inner, self._head, b""
        if carrier is None:
            inner.makeConnection(self.transport)
            received = inner.dataReceived
        else:
            carrier.attach(inner)
            received = carrier.received
        self.dataReceived = received  # type: ignore[method-assign]
        if head:
            received(head)

    def _too_late(self) -> None:
        self.transport.abortConnection()

    def _stop(self) -> None:
        if self._late.active():
            self._late.cancel()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted's."""
        self._stop()
        inner, self._inner = self._inner, None
        if inner is not None:
            inner.connectionLost(reason)
        self._gone()
