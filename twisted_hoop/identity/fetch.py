"""Small HTTP exchanges with issuers: bounded in size and time, never redirected, TLS verified.

Plain http is for loopback only: whoever can change a key set on the way owns every identity of that issuer.
"""

from __future__ import annotations

import ipaddress
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import Certificate, platformTrust, trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer, IResponse
from zope.interface import implementer

from twisted_hoop.errors import ConfigurationError, IssuerUnavailable

MAX_BODY = 1024 * 1024
TIMEOUT = 10.0
_END = "-----END CERTIFICATE-----"


class Fetcher:
    """GETs documents with the given reactor. `ca` is a PEM bundle that replaces the system's."""

    def __init__(self, reactor: Any, ca: str = "", timeout: float = TIMEOUT) -> None:
        self._reactor: IReactorTime = reactor
        self._timeout = timeout
        policy = BrowserLikePolicyForHTTPS(_trust(ca) if ca else platformTrust())
        pool = HTTPConnectionPool(reactor, persistent=False)
        self._agent = Agent(reactor, policy, connectTimeout=timeout, pool=pool)

    async def get(self, url: str) -> bytes:
        """The body of a 200 answer, or IssuerUnavailable."""
        status, body = await self._bounded(url, b"GET", Headers(), b"")
        if status != 200:
            raise IssuerUnavailable(f"{url} answers with status {status}")
        return body

    async def post(self, url: str, form: Mapping[str, str], authorization: str = "") -> tuple[int, bytes]:
        """Status and body of the answer to a form (RFC 6749 section 4.1.3), or IssuerUnavailable."""
        headers = Headers({"Content-Type": ["application/x-www-form-urlencoded"]})
        if authorization:
            headers.addRawHeader("Authorization", authorization)
        return await self._bounded(url, b"POST", headers, urllib.parse.urlencode(form).encode("ascii"))

    async def _bounded(self, url: str, method: bytes, headers: Headers, body: bytes) -> tuple[int, bytes]:
        if not is_safe(url):
            raise IssuerUnavailable(f"{url} is neither https nor loopback")
        whole = Deferred.fromCoroutine(self._exchange(url, method, headers, body))
        whole.addTimeout(self._timeout, self._reactor)
        try:
            return await whole
        except IssuerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  whatever a broken or hostile server causes, it is unavailable
            raise IssuerUnavailable(f"{url}: {type(error).__name__}: {error}") from None

    async def _exchange(self, url: str, method: bytes, headers: Headers, body: bytes) -> tuple[int, bytes]:
        headers.addRawHeader("Accept", "application/json")
        headers.addRawHeader("User-Agent", "twisted-hoop")
        producer = _Form(body) if body else None
        response = await self._agent.request(method, url.encode("ascii"), headers, producer)
        if method == b"GET" and response.code != 200:
            _body(response).cancel()
            return response.code, b""
        return response.code, await _body(response)


def is_safe(url: str) -> bool:
    """Whether a URL is https, or http to this machine's loopback."""
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
        url.encode("ascii")
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    return parts.scheme == "http" and (host == "localhost" or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _trust(ca: str) -> Any:
    """Trust roots from a PEM bundle, or ConfigurationError."""
    try:
        text = Path(ca).read_text(encoding="ascii")
        blocks = [block + _END for block in text.split(_END)[:-1]]
        certificates = [Certificate.loadPEM(block.encode("ascii")) for block in blocks]
    except Exception as error:  # noqa: BLE001  OpenSSL's own error types are many
        raise ConfigurationError([f"{ca}: not a readable CA bundle: {error}"]) from None
    if not certificates:
        raise ConfigurationError([f"{ca}: holds no certificate"])
    return trustRootFromCertificates(certificates)


def _body(response: IResponse) -> Deferred[bytes]:
    """The response's body; cancelling closes the connection."""
    reader = _Reader()
    result: Deferred[bytes] = Deferred(lambda _: reader.give_up(CancelledError()))
    reader.result = result
    response.deliverBody(reader)
    return result


class _Reader(Protocol):
    """Collects a body up to MAX_BODY."""

    result: Deferred[bytes]

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._size += len(data)
        self._parts.append(data)
        if self._size > MAX_BODY:
            self.give_up(IssuerUnavailable("the answer is too large"))

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008  Twisted's signature
        if self.result.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.result.callback(b"".join(self._parts))
        else:
            self.result.errback(reason)

    def give_up(self, error: Exception) -> None:
        """Close the connection and fail."""
        self._parts.clear()
        if self.transport is not None:
            self.transport.loseConnection()
        if not self.result.called:
            self.result.errback(Failure(error))


@implementer(IBodyProducer)
class _Form:
    """A small body, written at once. Twisted's own producer takes its turns from the installed reactor."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """Nothing is left to pause."""

    def resumeProducing(self) -> None:
        """Nothing is left to write."""

    def stopProducing(self) -> None:
        """Nothing is left to write."""
