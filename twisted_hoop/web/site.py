"""The API as a twisted.web Site. HTTP stops here: behind it are values."""

from __future__ import annotations

import ipaddress
import re
import secrets
from typing import Any, Protocol

from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from twisted_hoop.model import Peer
from twisted_hoop.web.calls import Answer, Call, Push, Stream
from twisted_hoop.web.dispatch import Dispatcher
from twisted_hoop.web.parts import Parts
from twisted_hoop.web.sending import send_push, send_stream, send_whole, start

MAX_BODY = 64 * 1024
MAX_SAML = 512 * 1024
_SAML = re.compile(rb"/saml/[a-z0-9-]{1,40}/acs")
IDLE = 60.0  # seconds a connection may be silent, and a request may take to arrive whole
CONNECTIONS = 4000  # at one listener, watchers included
_TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class ApiRequest(Request):
    """A request whose body is bounded: what is larger is refused before it is read, or as soon as that shows."""

    _taken = 0
    _most = MAX_BODY
    _refused = False

    def gotLength(self, length: int | None) -> None:
        """A declared length; None for chunked."""
        # Answers of SAML providers may be larger than all else (I6); twisted.web knows the path already.
        self._most = MAX_SAML if _SAML.fullmatch(getattr(self.channel, "_path", b"")) else MAX_BODY
        super().gotLength(0 if (length or 0) > self._most else length)  # type: ignore[no-untyped-call]
        if (length or 0) > self._most:
            self._refuse()

    def handleContentChunk(self, data: bytes) -> None:
        """A piece of the body."""
        self._taken += len(data)
        if self._taken > self._most:
            self._refuse()
        if not self._refused:
            super().handleContentChunk(data)  # type: ignore[no-untyped-call]

    def process(self) -> None:
        """The request is complete."""
        if not self._refused:
            super().process()  # type: ignore[no-untyped-call]

    def _refuse(self) -> None:
        if not self._refused:
            self._refused = True
            transport: Any = self.channel.transport
            transport.write(_TOO_LARGE)
            self.channel.loseConnection()


class ApiChannel(HTTPChannel):
    """A connection whose request must arrive in time as a whole: a byte now and then is no sign of life (K15)."""

    site: Any = None
    _arriving = False

    def connectionMade(self) -> None:
        """It is counted from now on."""
        self.site.connections += 1
        super().connectionMade()  # type: ignore[no-untyped-call]

    def resetTimeout(self) -> None:
        """Called for every piece that comes: only the first of a request begins the time anew."""
        if not self._arriving:
            self._arriving = True
            super().resetTimeout()  # type: ignore[no-untyped-call]

    def allContentReceived(self) -> None:
        """The request is here; the next begins with its own first piece."""
        self._arriving = False
        super().allContentReceived()  # type: ignore[no-untyped-call]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """It is over."""
        self.site.connections -= 1
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class ApiSite(Site):
    """A Site that keeps no access log of its own: the dispatcher's lines are structured (R7).

    `connections` are those that are open. Above `CONNECTIONS` none is taken: sessions need descriptors too.
    """

    noisy = False
    protocol = ApiChannel  # type: ignore[assignment]
    connections = 0

    def buildProtocol(self, addr: Any) -> Any:
        """A channel, or None when there are too many."""
        if self.connections >= CONNECTIONS:
            return None
        return super().buildProtocol(addr)  # type: ignore[no-untyped-call]

    def log(self, request: Any) -> None:
        """Nothing: see the class."""


class Answering(Protocol):
    """What answers calls; never raises."""

    async def answer(self, call: Call) -> Answer:
        """The answer to one call."""


class ApiResource(Resource):
    """The whole tree in one leaf: werkzeug's map does the routing."""

    isLeaf = True
    _log = Logger()

    def __init__(self, dispatcher: Answering, reactor: Any, encrypted: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._dispatcher = dispatcher
        self._reactor = reactor
        self._encrypted = encrypted

    def render(self, request: Any) -> int:
        """Answer every method and path alike."""
        gone = request.notifyFinish()
        gone.addErrback(lambda _: None)
        Deferred.fromCoroutine(self._answer(request)).addErrback(self._failed, request)
        return NOT_DONE_YET

    async def _answer(self, request: Any) -> None:
        call = call_of(request, self._encrypted)
        answer = await self._dispatcher.answer(call)
        if request._disconnected:
            return
        start(request, answer, call.request_id, call.peer.encrypted)
        if isinstance(answer, Stream):
            await send_stream(request, answer, self._reactor)
        elif isinstance(answer, Push):
            await send_push(request, answer)
        else:
            send_whole(request, answer)

    def _failed(self, failure: Any, request: Any) -> None:
        # Something broke while the answer was on its way: a cut connection is the only honest end.
        self._log.failure("answering failed", failure=failure)
        if request.channel is not None:
            request.channel.loseConnection()


def call_of(request: Any, encrypted: bool) -> Call:
    """The call behind a request. `encrypted`: the listener speaks TLS although the transport does not say so."""
    address = request.getClientAddress()
    headers = {
        name.decode("latin-1").lower(): [value.decode("latin-1") for value in values]
        for name, values in request.requestHeaders.getAllRawHeaders()
    }
    host = getattr(address, "host", "")
    local = isinstance(address, UNIXAddress) or _loopback(host)
    return Call(
        method=request.method.decode("latin-1"),
        path=request.path.decode("latin-1"),
        query=_query(request.args),
        headers=headers,
        body=request.content.read(),
        peer=Peer(host, getattr(address, "port", 0), encrypted or request.isSecure()),
        # A proxy on this machine speaks for somebody else, who is not local.
        local=local and not any(name in headers for name in _FORWARDED),
        request_id=secrets.token_hex(8),
    )


def _query(arguments: dict[bytes, list[bytes]]) -> dict[str, list[str]]:
    return {
        name.decode("utf-8", "replace"): [value.decode("utf-8", "replace") for value in values]
        for name, values in arguments.items()
    }


def _loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def build_site(parts: Parts, reactor: Any, encrypted: bool = False) -> ApiSite:
    """The API's Site for one listener. `encrypted`: TLS is spoken there.

    Tokens are taken over TLS or from this machine only.
    """
    return site_of(Dispatcher(parts, reactor), reactor, encrypted)


def site_of(answering: Answering, reactor: Any, encrypted: bool = False) -> ApiSite:
    """The Site of whatever answers calls: the API's dispatcher, or one that has more than the API."""
    resource = ApiResource(answering, reactor, encrypted)
    return ApiSite(  # type: ignore[no-untyped-call]
        resource, requestFactory=ApiRequest, parsePOSTFormSubmission=False, timeout=IDLE, reactor=reactor
    )
