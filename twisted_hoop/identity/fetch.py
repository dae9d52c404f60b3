"""Small HTTP GETs for issuers' documents: bounded in size and time, never redirected, TLS verified.

Plain http is for loopback only: whoever can change a key set on the way owns every identity of that issuer.
"""

from __future__ import annotations

import ipaddress
import urllib.parse
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import Certificate, platformTrust, trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

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
        if not is_safe(url):
            raise IssuerUnavailable(f"{url} is neither https nor loopback")
        whole = Deferred.fromCoroutine(self._exchange(url))
        whole.addTimeout(self._timeout, self._reactor)
        try:
            return await whole
        except IssuerUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  whatever a broken or hostile server causes, it is unavailable
            raise IssuerUnavailable(f"{url}: {type(error).__name__}: {error}") from None

    async def _exchange(self, url: str) -> bytes:
        headers = Headers({"Accept": ["application/json"], "User-Agent": ["twisted-hoop"]})
        response = await self._agent.request(b"GET", url.encode("ascii"), headers)
        if response.code != 200:
            _body(response).cancel()
            raise IssuerUnavailable(f"{url} answers with status {response.code}")
        return await _body(response)


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
